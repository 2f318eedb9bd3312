/* SPDX-License-Identifier: MIT */
/* Versions, as resource scripts of drivers use them. */
#ifndef OPENFLT_DDK_NTVERP_H
#define OPENFLT_DDK_NTVERP_H

#define VER_PRODUCTMAJORVERSION 10
#define VER_PRODUCTMINORVERSION 0
#define VER_PRODUCTBUILD        26100
#define VER_PRODUCTBUILD_QFE    1
#define VER_PRODUCTVERSION_W    (0x0A00)
#define VER_PRODUCTVERSION_DW   (0x0A000000 | VER_PRODUCTBUILD)

#endif
