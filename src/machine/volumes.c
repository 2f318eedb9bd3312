/* SPDX-License-Identifier: MIT */
/* The machine's volume: store, mount, content in and out. */
#include "machine/machine.h"

#include <stdio.h>
#include <string.h>
#include "fs/fs.h"
#include "io/io.h"
#include "rtl/rtl.h"

static FSX_STORE *Store;
static IOX_VOLUME *Volume;
static FSX_MOUNT_PARAMETERS Parameters; /* of the mount; remounts read it again */

PCUNICODE_STRING machine_volume_name(void)
{
    return Volume ? &Volume->DeviceName : NULL;
}

static int say(int status, const char *what, const char *detail)
{
    snprintf(TrcShared->final_text, sizeof(TrcShared->final_text), "%s: %s", what, detail);
    TrcShared->final_status = status;
    return status;
}

int machine_mount(const struct of_options *o)
{
    const char *spec = o->volume ? o->volume : "mem:ntfs";
    IOX_VOLUME_SPEC s = {
        .SectorSize = 512, .SerialNumber = 0x0F170001, .Mount = FsxMount, .Context = &Parameters};
    const char *personality = strchr(spec, ':');
    char text[400], name[12];
    NTSTATUS Status;

    Parameters.Personality = strncmp(spec, "mem:", 4) ? NULL : FsxFindPersonality(personality + 1);
    if (!Parameters.Personality)
        return say(OF_USAGE, "no such volume", spec);
    TrcPhase(TRC_PHASE_START, "mounting %s", spec);
    Parameters.Store = Store = FsxMemStoreCreate(0, 512, 4096);
    if (!Store)
        return say(OF_STOPPED, "no memory for the volume", spec);
    if (o->import_dir) {
        TrcPhase(TRC_PHASE_START, "importing %s", o->import_dir);
        Status = FsxImport(Store, o->import_dir, text);
        if (!NT_SUCCESS(Status))
            return say(OF_USAGE, "import failed", text);
    }
    Status = IoxCreateVolume(&s, &Volume);
    if (!NT_SUCCESS(Status))
        return say(OF_STOPPED, "mount failed", TrcStatusName(Status, name));
    return OF_OK;
}

/* Every program has ended: whoever still has a file open is a driver. */
static void open_file(PCUNICODE_STRING Path, ULONG Handles, ULONG References, void *Context)
{
    char name[300];

    UNREFERENCED_PARAMETER(Context);
    if (RtlxWideToUtf8(Path->Buffer, Path->Length / 2u, name, sizeof(name)) == SIZE_MAX)
        snprintf(name, sizeof(name), "(name is not valid UTF-16)");
    machine_add_leak("volume", "%s is still open at the dismount: %u handles, %u file objects",
                     name, (unsigned)Handles, (unsigned)References);
}

int machine_dismount(const struct of_options *o)
{
    char text[400];
    int status = OF_OK;

    if (Volume) {
        TrcPhase(TRC_PHASE_DISMOUNT, "dismounting the volume");
        PDEVICE_OBJECT device = Volume->FileSystem;
        FsxForEachOpen(device, open_file, NULL);
        IoxDismountVolume(Volume);
        FsxDismountVolume(device, true);
        IoxDeleteVolume(Volume);
        Volume = NULL;
    }
    if (o->export_dir && Store) {
        TrcPhase(TRC_PHASE_DISMOUNT, "exporting to %s", o->export_dir);
        if (!NT_SUCCESS(FsxExport(Store, o->export_dir, text)))
            status = say(OF_STOPPED, "export failed", text);
    }
    if (Store)
        Store->Ops->Free(Store);
    Store = NULL;
    return status;
}
