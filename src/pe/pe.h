/* SPDX-License-Identifier: MIT */
/*
 * pe.h - driver images: x64 PE files loaded into this process (D1, D2).
 *
 * An image is checked, laid out, bound, patched where it touches CR8, wrapped into an ELF shared
 * object so that every native tool sees it, mapped by the host's loader and relocated. No page of
 * it is ever writable and executable. Looking up an address, unwinding and describing take no lock
 * and no heap, so that they work from a fault.
 */
#ifndef OPENFLT_PE_PE_H
#define OPENFLT_PE_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/fault.h"

struct pe_image;

/* NTSTATUS values a load can end in; 0 is success. */
#define PE_STATUS_INVALID_IMAGE 0xC000007Bu      /* STATUS_INVALID_IMAGE_FORMAT */
#define PE_STATUS_ENTRYPOINT_MISSING 0xC0000263u /* STATUS_DRIVER_ENTRYPOINT_NOT_FOUND */
#define PE_STATUS_NO_MEMORY 0xC000009Au          /* STATUS_INSUFFICIENT_RESOURCES */

struct pe_error {
    uint32_t status;
    char text[640]; /* what is wrong, where, and what to do; no newline at the end */
};

struct pe_bind_ops {
    void *context;
    /*
     * The address `importer` gets for module!name. NULL refuses the load: *first_build is then the
     * build the routine first appears in, or 0 when that is not the reason. A routine that merely
     * has no body binds to a trap instead.
     */
    void *(*import)(void *context, const char *importer, const char *module, const char *name,
                    uint32_t *first_build);
    uint32_t build;  /* of the machine, for messages */
    uint64_t cookie; /* /GS seed, 0: random */
};

/* Both return 0 and an image, or an error status which is also in error->status. `name` is the
 * driver's file name. */
uint32_t pe_load(const char *path, const struct pe_bind_ops *ops, struct pe_image **out,
                 struct pe_error *error);
uint32_t pe_load_memory(const char *name, const void *data, size_t size,
                        const struct pe_bind_ops *ops, struct pe_image **out,
                        struct pe_error *error);
/* Takes INIT and the other discardable sections away: a later touch faults and is reported by name.
 */
void pe_discard_init(struct pe_image *image);
/* Unmaps the image. Its addresses stay reserved, so that late calls fault and name it. */
void pe_unload(struct pe_image *image);

const char *pe_image_name(const struct pe_image *image); /* "flushmon.sys" */
void *pe_image_base(const struct pe_image *image);
uint32_t pe_image_size(const struct pe_image *image);
void *
pe_image_entry(const struct pe_image *image); /* NTAPI NTSTATUS (PDRIVER_OBJECT, PUNICODE_STRING) */
/* Export of the image itself (export drivers), NULL when there is none. */
void *pe_image_export(const struct pe_image *image, const char *name);

/* ---- addresses (address.c)
 * --------------------------------------------------------------------------- */

/* The loaded image an address lies in, or NULL. */
struct pe_image *pe_image_from_address(const void *address);
/*
 * "flushmon.sys!FlushmonPreWrite+0x12 (flushmon.c:214)"; without debug information module+offset
 * and section; an address in an unloaded driver or a discarded section says so; a host address
 * names openflt's function. Returns buffer. Lines come from llvm-symbolizer, a separate program;
 * without it they are left out.
 */
const char *pe_describe_address(const void *address, char *buffer, size_t size);
/* The same for a return address: the line is the call's, not that of the statement behind it. */
const char *pe_describe_return(const void *address, char *buffer, size_t size);
/* Only "flushmon.c:214", or "" when unknown. */
const char *pe_source_line(const void *address, bool is_return, char *buffer, size_t size);
/* Looks the lines of several return addresses up in one go; the routines above then answer from
 * memory. */
void pe_prefetch_lines(void *const *addresses, size_t count);

/* ---- stack traces (backtrace.c)
 * ---------------------------------------------------------------------- */

/*
 * Return addresses from the innermost frame outwards, through driver frames (.pdata) and host
 * frames alike. `start` NULL means the caller of pe_backtrace; else frames[0] is start's rip. Stops
 * at anything it cannot trust.
 */
size_t pe_backtrace(const struct host_registers *start, void **frames, size_t max);
/* The innermost driver frame of the calling thread: whom a finding is about. NULL when no driver is
 * on the stack. */
void *pe_innermost_driver_frame(void);

/* ---- faults (trap.c, report.c)
 * ----------------------------------------------------------------------- */

/*
 * The IRQL write that CR8 stores end in; NTAPI, called on the writing thread. Set before the first
 * load.
 */
void pe_set_cr8_writer(__attribute__((ms_abi)) void (*writer)(uint64_t irql));
/*
 * The machine's KUSER_SHARED_DATA: reads at its Windows address 0xFFFFF78000000000, where a process
 * can map nothing, are answered from the page this returns; it is asked at every read, so that
 * clocks in it run.
 */
void pe_set_shared_user_data(const void *(*page)(void));
/* Handler for host_fault_add_handler: emulates CR8 accesses that could not be patched. */
enum host_fault_result pe_fault_emulate(struct host_fault *fault);

/* Handler for host_fault_add_handler: finds and runs the driver's __except and __finally. */
enum host_fault_result pe_fault_seh(struct host_fault *fault);
/* Makes raises of our own routines and faults reach the drivers' handlers; once, at the machine's
 * start. */
void pe_seh_start(void);

enum pe_fault_kind {
    PE_FAULT_ACCESS,
    PE_FAULT_PRIVILEGED,
    PE_FAULT_FASTFAIL,
    PE_FAULT_ASSERTION,
    PE_FAULT_BREAKPOINT,
    PE_FAULT_ILLEGAL,
    PE_FAULT_ARITHMETIC
};
struct pe_fault_code {
    enum pe_fault_kind kind;
    uint32_t exception; /* NTSTATUS */
    uint64_t fastfail_code;
};
void pe_classify_fault(const struct host_fault *fault, struct pe_fault_code *out);

/* What a fault was, in words, for a stop report. */
struct pe_fault_summary {
    uint32_t exception; /* NTSTATUS: STATUS_ACCESS_VIOLATION ... */
    bool in_driver;     /* else in openflt's own code */
    bool breakpoint, assertion, fastfail, privileged;
    uint64_t fastfail_code;
    uint32_t bugcheck; /* what Windows would stop with when no handler takes it */
    const char *bugcheck_name;
    char sentence[400]; /* "write to 0x0000000000000010 by flushmon.sys!X+0x12 (flushmon.c:214)" */
};
void pe_summarise_fault(const struct host_fault *fault, struct pe_fault_summary *out);
/* Writes registers, code bytes and the stack of a fault as lines of text. */
void pe_write_fault(const struct host_fault *fault, void (*line)(const char *text, void *arg),
                    void *arg);

#endif
