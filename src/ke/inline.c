/* SPDX-License-Identifier: MIT */
/*
 * Exports that the headers have as inline functions or macros: images built with other headers
 * import them. The symbol name is given apart, since the C name is taken.
 */
#include "kei.h"

PKTHREAD NTAPI KexxExportKeGetCurrentThread(VOID) __asm__("KeGetCurrentThread");
PKTHREAD NTAPI KexxExportKeGetCurrentThread(VOID)
{
    return KexxCurrent;
}

KIRQL NTAPI KexxExportKeRaiseIrqlToDpcLevel(VOID) __asm__("KeRaiseIrqlToDpcLevel");
KIRQL NTAPI KexxExportKeRaiseIrqlToDpcLevel(VOID)
{
    return KfRaiseIrql(DISPATCH_LEVEL);
}

VOID NTAPI KexxExportKfLowerIrql(KIRQL NewIrql) __asm__("KfLowerIrql");
VOID NTAPI KexxExportKfLowerIrql(KIRQL NewIrql)
{
    KeLowerIrql(NewIrql);
}
