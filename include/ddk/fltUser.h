/* SPDX-License-Identifier: MIT */
/*
 * The Filter Manager's library for user-mode programs compiled for the Windows target (FltLib.dll).
 * Native Linux programs include fltlib/fltUser.h instead.
 */
#ifndef OPENFLT_DDK_FLTUSER_H
#define OPENFLT_DDK_FLTUSER_H

#include <fltUserStructures.h>
#include <fltWinError.h>

NT_BEGIN_C

#ifndef WINAPI
#define WINAPI NTAPI
#endif
#ifdef _WIN32
#define FLT_USER_EXPORT DECLSPEC_IMPORT
#else
#define FLT_USER_EXPORT
#endif

/* What a program without windows.h still lacks; with it, these names are there already. */
#if !defined(_WINDEF_) && !defined(_MINWINDEF_)
typedef CONST VOID *LPCVOID;
typedef HANDLE *LPHANDLE;
#endif
#if !defined(_WINBASE_) && !defined(_MINWINBASE_)
typedef struct _SECURITY_ATTRIBUTES *LPSECURITY_ATTRIBUTES;
typedef struct _OVERLAPPED *LPOVERLAPPED;
#endif

/* ---- Load and unload; both need SeLoadDriverPrivilege. ---- */

FLT_USER_EXPORT HRESULT WINAPI FilterLoad(_In_ LPCWSTR lpFilterName);

FLT_USER_EXPORT HRESULT WINAPI FilterUnload(_In_ LPCWSTR lpFilterName);

/* ---- A filter. ---- */

FLT_USER_EXPORT HRESULT WINAPI FilterCreate(_In_ LPCWSTR lpFilterName, _Outptr_ HFILTER *hFilter);

FLT_USER_EXPORT HRESULT WINAPI FilterClose(_In_ HFILTER hFilter);

FLT_USER_EXPORT HRESULT WINAPI FilterGetInformation(_In_ HFILTER hFilter,
    _In_ FILTER_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned);

/* ---- Its instances. ---- */

FLT_USER_EXPORT HRESULT WINAPI FilterAttach(_In_ LPCWSTR lpFilterName, _In_ LPCWSTR lpVolumeName,
    _In_opt_ LPCWSTR lpInstanceName, _In_ DWORD dwCreatedInstanceNameLength,
    _Out_writes_bytes_opt_(dwCreatedInstanceNameLength) LPWSTR lpCreatedInstanceName);

FLT_USER_EXPORT HRESULT WINAPI FilterAttachAtAltitude(_In_ LPCWSTR lpFilterName,
    _In_ LPCWSTR lpVolumeName, _In_ LPCWSTR lpAltitude, _In_opt_ LPCWSTR lpInstanceName,
    _In_ DWORD dwCreatedInstanceNameLength,
    _Out_writes_bytes_opt_(dwCreatedInstanceNameLength) LPWSTR lpCreatedInstanceName);

FLT_USER_EXPORT HRESULT WINAPI FilterDetach(_In_ LPCWSTR lpFilterName, _In_ LPCWSTR lpVolumeName,
    _In_opt_ LPCWSTR lpInstanceName);

FLT_USER_EXPORT HRESULT WINAPI FilterInstanceCreate(_In_ LPCWSTR lpFilterName,
    _In_ LPCWSTR lpVolumeName, _In_opt_ LPCWSTR lpInstanceName,
    _Outptr_ HFILTER_INSTANCE *hInstance);

FLT_USER_EXPORT HRESULT WINAPI FilterInstanceClose(_In_ HFILTER_INSTANCE hInstance);

FLT_USER_EXPORT HRESULT WINAPI FilterInstanceGetInformation(_In_ HFILTER_INSTANCE hInstance,
    _In_ INSTANCE_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned);

/* ---- Enumerations. ---- */

FLT_USER_EXPORT HRESULT WINAPI FilterFindFirst(_In_ FILTER_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned, _Out_ LPHANDLE lpFilterFind);

FLT_USER_EXPORT HRESULT WINAPI FilterFindNext(_In_ HANDLE hFilterFind,
    _In_ FILTER_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned);

FLT_USER_EXPORT HRESULT WINAPI FilterFindClose(_In_ HANDLE hFilterFind);

FLT_USER_EXPORT HRESULT WINAPI FilterInstanceFindFirst(_In_ LPCWSTR lpFilterName,
    _In_ INSTANCE_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned, _Out_ LPHANDLE lpFilterInstanceFind);

FLT_USER_EXPORT HRESULT WINAPI FilterInstanceFindNext(_In_ HANDLE hFilterInstanceFind,
    _In_ INSTANCE_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned);

FLT_USER_EXPORT HRESULT WINAPI FilterInstanceFindClose(_In_ HANDLE hFilterInstanceFind);

FLT_USER_EXPORT HRESULT WINAPI FilterVolumeFindFirst(
    _In_ FILTER_VOLUME_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned, _Out_ PHANDLE lpVolumeFind);

FLT_USER_EXPORT HRESULT WINAPI FilterVolumeFindNext(_In_ HANDLE hVolumeFind,
    _In_ FILTER_VOLUME_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned);

FLT_USER_EXPORT HRESULT WINAPI FilterVolumeFindClose(_In_ HANDLE hVolumeFind);

FLT_USER_EXPORT HRESULT WINAPI FilterVolumeInstanceFindFirst(_In_ LPCWSTR lpVolumeName,
    _In_ INSTANCE_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned, _Out_ LPHANDLE lpVolumeInstanceFind);

FLT_USER_EXPORT HRESULT WINAPI FilterVolumeInstanceFindNext(_In_ HANDLE hVolumeInstanceFind,
    _In_ INSTANCE_INFORMATION_CLASS dwInformationClass,
    _Out_writes_bytes_to_(dwBufferSize, *lpBytesReturned) LPVOID lpBuffer, _In_ DWORD dwBufferSize,
    _Out_ LPDWORD lpBytesReturned);

FLT_USER_EXPORT HRESULT WINAPI FilterVolumeInstanceFindClose(_In_ HANDLE hVolumeInstanceFind);

/* ---- Ports. Without an OVERLAPPED, FilterGetMessage waits. ---- */

FLT_USER_EXPORT HRESULT WINAPI FilterConnectCommunicationPort(_In_ LPCWSTR lpPortName,
    _In_ DWORD dwOptions, _In_reads_bytes_opt_(wSizeOfContext) LPCVOID lpContext,
    _In_ WORD wSizeOfContext, _In_opt_ LPSECURITY_ATTRIBUTES lpSecurityAttributes,
    _Outptr_ HANDLE *hPort);

FLT_USER_EXPORT HRESULT WINAPI FilterSendMessage(_In_ HANDLE hPort,
    _In_reads_bytes_opt_(dwInBufferSize) LPVOID lpInBuffer, _In_ DWORD dwInBufferSize,
    _Out_writes_bytes_to_opt_(dwOutBufferSize, *lpBytesReturned) LPVOID lpOutBuffer,
    _In_ DWORD dwOutBufferSize, _Out_ LPDWORD lpBytesReturned);

FLT_USER_EXPORT HRESULT WINAPI FilterGetMessage(_In_ HANDLE hPort,
    _Out_writes_bytes_(dwMessageBufferSize) PFILTER_MESSAGE_HEADER lpMessageBuffer,
    _In_ DWORD dwMessageBufferSize, _Inout_opt_ LPOVERLAPPED lpOverlapped);

FLT_USER_EXPORT HRESULT WINAPI FilterReplyMessage(_In_ HANDLE hPort,
    _In_reads_bytes_(dwReplyBufferSize) PFILTER_REPLY_HEADER lpReplyBuffer,
    _In_ DWORD dwReplyBufferSize);

/* ---- The drive letter or mount point of a volume. ---- */

FLT_USER_EXPORT HRESULT WINAPI FilterGetDosName(_In_ LPCWSTR lpVolumeName,
    _Out_writes_(dwDosNameBufferSize) LPWSTR lpDosName, _In_ DWORD dwDosNameBufferSize);

NT_END_C

#endif
