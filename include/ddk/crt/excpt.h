/* SPDX-License-Identifier: MIT */
/* Structured exceptions: the lower-case words, and what filters and handlers may ask. */
#ifndef OPENFLT_CRT_EXCPT_H
#define OPENFLT_CRT_EXCPT_H

#if defined(__cplusplus)
extern "C" {
#endif

unsigned long __cdecl _exception_code(void);
void *__cdecl _exception_info(void);
int __cdecl _abnormal_termination(void);

#if defined(__cplusplus)
}
#else
#define try     __try
#define except  __except
#define finally __finally
#define leave   __leave
#endif

#define GetExceptionCode          _exception_code
#define exception_code            _exception_code
#define GetExceptionInformation() ((struct _EXCEPTION_POINTERS *)_exception_info())
#define exception_info()          GetExceptionInformation()
#define AbnormalTermination       _abnormal_termination
#define abnormal_termination      _abnormal_termination

#ifndef EXCEPTION_EXECUTE_HANDLER
#define EXCEPTION_EXECUTE_HANDLER    1
#define EXCEPTION_CONTINUE_SEARCH    0
#define EXCEPTION_CONTINUE_EXECUTION (-1)
#endif

#endif
