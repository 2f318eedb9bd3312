/* SPDX-License-Identifier: MIT */
/*
 * Reparse points as the I/O manager resolves them. The file system completes the create with
 * STATUS_REPARSE, the tag in Information and a pool copy of the reparse data in
 * Tail.Overlay.AuxiliaryBuffer; here the next name is made from it.
 */
#include "io/reparse.h"

static UNICODE_STRING PathString(void *Base, USHORT Offset, USHORT Length)
{
    return (UNICODE_STRING){Length, Length, (PWCH)((char *)Base + Offset)};
}

/* Path of the directory that holds the link: what a relative target is relative to. Ends with a
 * backslash. */
static UNICODE_STRING DirectoryOf(PUNICODE_STRING Path, USHORT Unparsed)
{
    UNICODE_STRING Directory = {Path->Length - Unparsed, Path->Length - Unparsed, Path->Buffer};
    USHORT Chars = Directory.Length / sizeof(WCHAR);

    /* A separator between the link's name and what follows belongs to the unparsed part. */
    if (Chars && Directory.Buffer[Chars - 1] == L'\\')
        Chars--;
    while (Chars && Directory.Buffer[Chars - 1] != L'\\')
        Chars--;
    Directory.Length = Directory.MaximumLength = Chars * sizeof(WCHAR);
    return Directory;
}

/* Name of the device, the link's directory and the target in one string. */
static NTSTATUS RelativeTarget(OBX_OPEN *Walk, PFILE_OBJECT FileObject, PUNICODE_STRING Target,
                               PUNICODE_STRING Rest, USHORT Unparsed)
{
    UNICODE_STRING Path = *IoxFilePath(FileObject), Directory = DirectoryOf(&Path, Unparsed),
                   Joined;
    ULONG Needed, Room = 1024;
    POBJECT_NAME_INFORMATION Device = malloc(Room);
    NTSTATUS Status;

    if (!Device)
        return STATUS_INSUFFICIENT_RESOURCES;
    Status = ObQueryNameString(FileObject->DeviceObject, Device, Room, &Needed);
    if (NT_SUCCESS(Status)) {
        size_t Bytes = (size_t)Device->Name.Length + Directory.Length + Target->Length;

        Joined.Buffer = Bytes > OBX_NAME_BYTES ? NULL : malloc(Bytes + sizeof(WCHAR));
        Status = Joined.Buffer ? STATUS_SUCCESS : STATUS_NAME_TOO_LONG;
        if (Joined.Buffer) {
            char *To = (char *)Joined.Buffer;

            memcpy(To, Device->Name.Buffer, Device->Name.Length);
            memcpy(To + Device->Name.Length, Directory.Buffer, Directory.Length);
            memcpy(To + Device->Name.Length + Directory.Length, Target->Buffer, Target->Length);
            Joined.Length = Joined.MaximumLength = (USHORT)Bytes;
            Status = ObxOpenReplaceName(Walk, &Joined, Rest);
            free(Joined.Buffer);
        }
    }
    free(Device);
    return Status;
}

NTSTATUS IopReparseName(OBX_OPEN *Walk, PFILE_OBJECT FileObject, PVOID Data)
{
    PREPARSE_DATA_BUFFER Reparse = Data;
    UNICODE_STRING Target, Rest, Name = FileObject->FileName;
    USHORT Unparsed;

    if (!Reparse)
        return STATUS_IO_REPARSE_DATA_INVALID;
    Unparsed = Reparse->Reserved;
    if (Unparsed > Name.Length)
        return STATUS_IO_REPARSE_DATA_INVALID;
    Rest =
        (UNICODE_STRING){Unparsed, Unparsed, (PWCH)((char *)Name.Buffer + Name.Length - Unparsed)};
    if (Reparse->ReparseTag == IO_REPARSE_TAG_MOUNT_POINT) {
        Target = PathString(Reparse->MountPointReparseBuffer.PathBuffer,
                            Reparse->MountPointReparseBuffer.SubstituteNameOffset,
                            Reparse->MountPointReparseBuffer.SubstituteNameLength);
        /* "\??\Volume{...}\" in front of "\dir": one separator is enough. */
        if (Target.Length && Rest.Length &&
            Target.Buffer[Target.Length / sizeof(WCHAR) - 1] == L'\\' && Rest.Buffer[0] == L'\\')
            Target.Length -= sizeof(WCHAR);
        return ObxOpenReplaceName(Walk, &Target, &Rest);
    }
    if (Reparse->ReparseTag != IO_REPARSE_TAG_SYMLINK)
        return STATUS_IO_REPARSE_TAG_NOT_HANDLED;
    Target = PathString(Reparse->SymbolicLinkReparseBuffer.PathBuffer,
                        Reparse->SymbolicLinkReparseBuffer.SubstituteNameOffset,
                        Reparse->SymbolicLinkReparseBuffer.SubstituteNameLength);
    if (Reparse->SymbolicLinkReparseBuffer.Flags & SYMLINK_FLAG_RELATIVE)
        return RelativeTarget(Walk, FileObject, &Target, &Rest, Unparsed);
    return ObxOpenReplaceName(Walk, &Target, &Rest);
}

void IopKeepPendedReparse(PFILE_OBJECT FileObject, PVOID Reparse)
{
    IOP_FILE_EXTENSION *Extension = IopFileExtension(FileObject, true);

    if (Extension)
        Extension->Reparse = Reparse;
    else
        ExFreePool(Reparse);
}

PVOID IopTakePendedReparse(PFILE_OBJECT FileObject)
{
    IOP_FILE_EXTENSION *Extension = IopFileExtension(FileObject, false);
    PVOID Reparse = Extension ? Extension->Reparse : NULL;

    if (Reparse)
        Extension->Reparse = NULL;
    return Reparse;
}
