/* SPDX-License-Identifier: MIT */
/*
 * flt.h - the Filter Manager as the machine, the tools and the tests see it. What drivers see is in
 * include/ddk.
 *
 * FltMgr is a driver object (\FileSystem\FltMgr). For every mounted volume it puts one device on
 * top of the file system's volume device; instances of minifilters are entries of that device's
 * callback chains.
 */
#ifndef OPENFLT_FLT_FLT_H
#define OPENFLT_FLT_FLT_H

#include "ke/ke.h"
#include <fltKernel.h>

/* Creates FltMgr's driver object and takes IoxVolumeHooks. After io and fsrtl, before fs. */
NTSTATUS FltxStart(void);
/* Every filter must have been unloaded and every volume dismounted; frees FltMgr's own memory. */
void FltxEnd(void);

/*
 * Unloads a filter by service name: calls its FilterUnloadCallback. Mandatory: the filter cannot
 * refuse. The driver image itself stays; the machine removes it afterwards.
 */
NTSTATUS FltxUnloadFilter(PCUNICODE_STRING Name, BOOLEAN Mandatory);
/* Unregisters what a driver left behind when its DriverEntry failed or its unload routine forgot
 * it. */
void FltxForgetDriver(PDRIVER_OBJECT Driver);
/* TRUE while a filter of this driver is registered. */
BOOLEAN FltxDriverHasFilter(PDRIVER_OBJECT Driver);

/* How FltLoadFilter reaches the loader: set by the machine. NULL: STATUS_NOT_SUPPORTED. */
extern NTSTATUS (*FltxLoadHook)(PCUNICODE_STRING ServiceName);
/* How FltUnloadFilter gets the driver's image removed after the filter is gone; may be NULL. */
extern NTSTATUS (*FltxUnloadHook)(PCUNICODE_STRING ServiceName);

/* ---- views for tools; the callback runs under no lock and may not keep the pointers ---------- */

typedef struct _FLTX_FILTER_VIEW {
    UNICODE_STRING Name, Altitude;
    ULONG Instances;
    BOOLEAN Started;
} FLTX_FILTER_VIEW;
typedef struct _FLTX_INSTANCE_VIEW {
    UNICODE_STRING Name, Altitude, Filter, Volume;
} FLTX_INSTANCE_VIEW;
typedef struct _FLTX_VOLUME_VIEW {
    UNICODE_STRING Name;
    FLT_FILESYSTEM_TYPE Type;
    ULONG Instances;
} FLTX_VOLUME_VIEW;
void FltxForEachFilter(void (*fn)(const FLTX_FILTER_VIEW *View, void *Context), void *Context);
void FltxForEachInstance(void (*fn)(const FLTX_INSTANCE_VIEW *View, void *Context), void *Context);
void FltxForEachVolume(void (*fn)(const FLTX_VOLUME_VIEW *View, void *Context), void *Context);

/* ---- leaks and pending work ------------------------------------------------------------------ */

/* One thing a filter did not give back. Caller: the code address that obtained it. */
typedef struct _FLTX_LEAK {
    const char *Kind; /* "callback data", "file name information", "stream context", "pool" ... */
    const void *Object, *Caller;
    const char *Filter; /* its name; still valid when the filter is unregistered */
    SIZE_T Bytes;
    ULONG Tag;
} FLTX_LEAK;
/* Filter NULL: everything. Callers see what is held at this moment; at unload all of it is leaked.
 */
void FltxForEachLeak(const char *Filter, void (*fn)(const FLTX_LEAK *Leak, void *Context),
                     void *Context);

/* One request on its way through FltMgr: for hang reports. Layer: the filter that holds it, NULL:
 * below. */
typedef struct _FLTX_PENDING {
    const FLT_CALLBACK_DATA *Data;
    const char *Filter;
    UCHAR Major, Minor;
    const char *State; /* "in callback", "pended before", "pended after", "below" */
} FLTX_PENDING;
void FltxForEachPending(void (*fn)(const FLTX_PENDING *Pending, void *Context), void *Context);

/* ---- port transport: filled by src/user ------------------------------------------------------ */

typedef struct _FLTX_PORT_TRANSPORT {
    NTSTATUS (*Create)(PFLT_PORT Server, PCUNICODE_STRING Name);
    void (*Close)(PFLT_PORT Server);
} FLTX_PORT_TRANSPORT;
extern const FLTX_PORT_TRANSPORT *FltxPortTransport;

#endif
