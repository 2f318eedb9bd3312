/* SPDX-License-Identifier: MIT */
/* Taking a file name apart. For "\Device\V\dir\file.txt:s": ParentDir "\dir\", FinalComponent
 * "file.txt:s", Stream ":s". */
#include "fltx.h"

static void Part(PUNICODE_STRING Part, PWCH From, PWCH To)
{
    Part->Buffer = From < To ? From : NULL;
    Part->Length = Part->MaximumLength = (USHORT)((PUCHAR)To - (PUCHAR)From);
}

/* The final component begins behind the last separator that is not in a stream name, which cannot
 * hold one. */
static PWCH FinalOf(PWCH Begin, PWCH End)
{
    PWCH At = End;

    while (At > Begin && At[-1] != L'\\')
        At--;
    return At;
}

static void SplitFinal(PWCH Final, PWCH End, PUNICODE_STRING Extension, PUNICODE_STRING Stream)
{
    PWCH Colon = Final, Dot;

    while (Colon < End && *Colon != L':')
        Colon++;
    if (Stream)
        Part(Stream, Colon, End);
    if (!Extension)
        return;
    for (Dot = Colon; Dot > Final && Dot[-1] != L'.'; Dot--)
        ;
    Part(Extension, Dot > Final ? Dot : Colon, Colon);
}

/*
 * Splits any path; each result is optional and points into FileName. IRQL: <= APC_LEVEL
 * (nf-fltkernel-fltparsefilename).
 */
NTSTATUS NTAPI FltParseFileName(PCUNICODE_STRING FileName, PUNICODE_STRING Extension,
                                PUNICODE_STRING Stream, PUNICODE_STRING FinalComponent)
{
    PWCH End = FileName->Buffer + FileName->Length / sizeof(WCHAR),
         Final = FinalOf(FileName->Buffer, End);

    if (FinalComponent)
        Part(FinalComponent, Final, End);
    SplitFinal(Final, End, Extension, Stream);
    return STATUS_SUCCESS;
}

/*
 * Fills the component fields of a name structure. IRQL: <= APC_LEVEL. A short name has a final
 * component and an extension only (nf-fltkernel-fltparsefilenameinformation).
 */
NTSTATUS NTAPI FltParseFileNameInformation(PFLT_FILE_NAME_INFORMATION FileNameInformation)
{
    PWCH Begin =
        FileNameInformation->Name.Buffer + FileNameInformation->Volume.Length / sizeof(WCHAR);
    PWCH End = FileNameInformation->Name.Buffer + FileNameInformation->Name.Length / sizeof(WCHAR);
    PWCH Final = FinalOf(Begin, End);

    if (FileNameInformation->Format == FLT_FILE_NAME_SHORT) {
        Part(&FileNameInformation->FinalComponent, Begin, End);
        SplitFinal(Begin, End, &FileNameInformation->Extension, NULL);
        FileNameInformation->NamesParsed |=
            FLTFL_FILE_NAME_PARSED_FINAL_COMPONENT | FLTFL_FILE_NAME_PARSED_EXTENSION;
        return STATUS_SUCCESS;
    }
    Part(&FileNameInformation->FinalComponent, Final, End);
    Part(&FileNameInformation->ParentDir, Begin, Final);
    SplitFinal(Final, End, &FileNameInformation->Extension, &FileNameInformation->Stream);
    FileNameInformation->NamesParsed |=
        FLTFL_FILE_NAME_PARSED_FINAL_COMPONENT | FLTFL_FILE_NAME_PARSED_EXTENSION |
        FLTFL_FILE_NAME_PARSED_STREAM | FLTFL_FILE_NAME_PARSED_PARENT_DIR;
    return STATUS_SUCCESS;
}

/*
 * Makes room in a name provider's buffer, keeping what is in it. IRQL: <= APC_LEVEL.
 * STATUS_INSUFFICIENT_RESOURCES (nf-fltkernel-fltcheckandgrownamecontrol).
 */
NTSTATUS NTAPI FltCheckAndGrowNameControl(PFLT_NAME_CONTROL NameCtrl, USHORT NewSize)
{
    PWCH Buffer;

    if (NewSize <= NameCtrl->Name.MaximumLength)
        return STATUS_SUCCESS;
    Buffer = ExAllocatePoolWithTag(PagedPool, NewSize, FLTX_TAG);
    if (!Buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (NameCtrl->Name.Buffer) {
        RtlCopyMemory(Buffer, NameCtrl->Name.Buffer, NameCtrl->Name.Length);
        ExFreePoolWithTag(NameCtrl->Name.Buffer, FLTX_TAG);
    }
    NameCtrl->Name.Buffer = Buffer;
    NameCtrl->Name.MaximumLength = NewSize;
    return STATUS_SUCCESS;
}
