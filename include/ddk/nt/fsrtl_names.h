/* SPDX-License-Identifier: MIT */
/* File system run-time library: names, wildcard expressions and legal characters. */
#ifndef OPENFLT_NT_FSRTL_NAMES_H
#define OPENFLT_NT_FSRTL_NAMES_H

#include "fsrtl_types.h"

NT_BEGIN_C

NTKERNELAPI VOID NTAPI FsRtlDissectName(UNICODE_STRING Path, PUNICODE_STRING FirstName,
                                        PUNICODE_STRING RemainingName);
NTKERNELAPI BOOLEAN NTAPI FsRtlDoesNameContainWildCards(PUNICODE_STRING Name);
NTKERNELAPI BOOLEAN NTAPI FsRtlAreNamesEqual(PCUNICODE_STRING ConstantNameA,
                                             PCUNICODE_STRING ConstantNameB, BOOLEAN IgnoreCase,
                                             PCWCH UpcaseTable);
NTKERNELAPI BOOLEAN NTAPI FsRtlIsNameInExpression(PUNICODE_STRING Expression, PUNICODE_STRING Name,
                                                  BOOLEAN IgnoreCase, PWCH UpcaseTable);
NTKERNELAPI BOOLEAN NTAPI FsRtlIsNameInUnUpcasedExpression(PUNICODE_STRING Expression,
                                                           PUNICODE_STRING Name, BOOLEAN IgnoreCase,
                                                           PWCH UpcaseTable);
NTKERNELAPI NTSTATUS NTAPI FsRtlRemoveDotsFromPath(PWSTR OriginalString, USHORT PathLength,
                                                   USHORT *NewLength);

/* The same of names in the OEM code page. */
NTKERNELAPI VOID NTAPI FsRtlDissectDbcs(ANSI_STRING Path, PANSI_STRING FirstName,
                                        PANSI_STRING RemainingName);
NTKERNELAPI BOOLEAN NTAPI FsRtlDoesDbcsContainWildCards(PANSI_STRING Name);
NTKERNELAPI BOOLEAN NTAPI FsRtlIsDbcsInExpression(PANSI_STRING Expression, PANSI_STRING Name);
NTKERNELAPI BOOLEAN NTAPI FsRtlIsFatDbcsLegal(ANSI_STRING DbcsName, BOOLEAN WildCardsPermissible,
                                              BOOLEAN PathNamePermissible,
                                              BOOLEAN LeadingBackslashPermissible);
NTKERNELAPI BOOLEAN NTAPI FsRtlIsHpfsDbcsLegal(ANSI_STRING DbcsName, BOOLEAN WildCardsPermissible,
                                               BOOLEAN PathNamePermissible,
                                               BOOLEAN LeadingBackslashPermissible);

/* What each of the first 128 characters is good for. */
#define FSRTL_FAT_LEGAL         0x01
#define FSRTL_HPFS_LEGAL        0x02
#define FSRTL_NTFS_LEGAL        0x04
#define FSRTL_WILD_CHARACTER    0x08
#define FSRTL_OLE_LEGAL         0x10
#define FSRTL_NTFS_STREAM_LEGAL (FSRTL_NTFS_LEGAL | FSRTL_OLE_LEGAL)

NT_CONSTANT_IMPORT(const UCHAR *, FsRtlLegalAnsiCharacterArray);
NT_CONSTANT_IMPORT(PUSHORT, NlsOemLeadByteInfo);
NT_CONSTANT_IMPORT(BOOLEAN, NlsMbOemCodePageTag);
#if defined(_WIN32)
#define LEGAL_ANSI_CHARACTER_ARRAY (*FsRtlLegalAnsiCharacterArray)
#define NLS_OEM_LEAD_BYTE_INFO     (*NlsOemLeadByteInfo)
#define NLS_MB_CODE_PAGE_TAG       (*NlsMbOemCodePageTag)
#else
#define LEGAL_ANSI_CHARACTER_ARRAY (FsRtlLegalAnsiCharacterArray)
#define NLS_OEM_LEAD_BYTE_INFO     (NlsOemLeadByteInfo)
#define NLS_MB_CODE_PAGE_TAG       (NlsMbOemCodePageTag)
#endif

#define FsRtlTestAnsiCharacter(c, default_ret, wild_ok, flags)                                     \
    ((SCHAR)(c) < 0 ? (default_ret)                                                                \
                    : BooleanFlagOn(LEGAL_ANSI_CHARACTER_ARRAY[(UCHAR)(c)],                        \
                                    (flags) | ((wild_ok) ? FSRTL_WILD_CHARACTER : 0)))
#define FsRtlIsAnsiCharacterWild(c)                                                                \
    FsRtlTestAnsiCharacter((c), FALSE, FALSE, FSRTL_WILD_CHARACTER)
#define FsRtlIsAnsiCharacterLegal(c, flags) FsRtlTestAnsiCharacter((c), TRUE, FALSE, (flags))
#define FsRtlIsAnsiCharacterLegalFat(c, wild_ok)                                                   \
    FsRtlTestAnsiCharacter((c), TRUE, (wild_ok), FSRTL_FAT_LEGAL)
#define FsRtlIsAnsiCharacterLegalHpfs(c, wild_ok)                                                  \
    FsRtlTestAnsiCharacter((c), TRUE, (wild_ok), FSRTL_HPFS_LEGAL)
#define FsRtlIsAnsiCharacterLegalNtfs(c, wild_ok)                                                  \
    FsRtlTestAnsiCharacter((c), TRUE, (wild_ok), FSRTL_NTFS_LEGAL)
#define FsRtlIsAnsiCharacterLegalNtfsStream(c, wild_ok)                                            \
    FsRtlTestAnsiCharacter((c), TRUE, (wild_ok), FSRTL_NTFS_STREAM_LEGAL)
/* Every wild character lies below '@'. */
#define FsRtlIsUnicodeCharacterWild(c)                                                             \
    ((c) >= 0x40 ? FALSE : BooleanFlagOn(LEGAL_ANSI_CHARACTER_ARRAY[(c)], FSRTL_WILD_CHARACTER))
#define FsRtlIsLeadDbcsCharacter(c)                                                                \
    ((BOOLEAN)((UCHAR)(c) >= 0x80 && NLS_MB_CODE_PAGE_TAG &&                                       \
               NLS_OEM_LEAD_BYTE_INFO[(UCHAR)(c)] != 0))

NT_END_C

#endif
