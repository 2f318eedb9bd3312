/* SPDX-License-Identifier: MIT */
/* The memory store by itself: names, links, extents, limits, and a folder in and out. */
#include <ntifs.h>

#include "harness.h"

#include "fs/store/store.h"

static FSX_STORE *Fresh(ULONGLONG Capacity)
{
    FSX_STORE *s = FsxMemStoreCreate(Capacity, 512, 4096);

    REQUIRE(s);
    return s;
}

static UNICODE_STRING W(const char *Text, WCHAR *b)
{
    UNICODE_STRING s = {0, 0, b};

    for (; Text[s.Length / sizeof(WCHAR)]; s.Length = (USHORT)(s.Length + sizeof(WCHAR)))
        b[s.Length / sizeof(WCHAR)] = (WCHAR)Text[s.Length / sizeof(WCHAR)];
    s.MaximumLength = s.Length;
    return s;
}

static FSX_ID Make(FSX_STORE *s, FSX_ID Dir, const char *Name, ULONG Attributes)
{
    WCHAR b[260];
    UNICODE_STRING n = W(Name, b);
    FSX_ID Id = 0;

    REQUIRE(NT_SUCCESS(s->Ops->Create(s, Dir, &n, NULL, Attributes, &Id)));
    return Id;
}

TEST(names, "fs.store.names_keep_case_and_ignore_it")
{
    FSX_STORE *s = Fresh(0);
    FSX_ID Id = Make(s, FSX_ROOT_ID, "ReadMe.Txt", 0), Other;
    WCHAR b[260];
    UNICODE_STRING n = W("README.tXT", b);
    FSX_ENTRY e;

    CHECK_EQ(s->Ops->Lookup(s, FSX_ROOT_ID, &n, &e), STATUS_SUCCESS);
    CHECK_EQ(e.Id, Id);
    CHECK_EQ(e.Name[0], 'R');
    CHECK_EQ(e.Name[1], 'e');
    CHECK_EQ(s->Ops->Create(s, FSX_ROOT_ID, &n, NULL, 0, &Other), STATUS_OBJECT_NAME_COLLISION);
    n = W("nothing", b);
    CHECK_EQ(s->Ops->Lookup(s, FSX_ROOT_ID, &n, &e), STATUS_OBJECT_NAME_NOT_FOUND);
    s->Ops->Free(s);
}

TEST(order, "fs.store.enumeration_is_sorted_and_survives_changes")
{
    FSX_STORE *s = Fresh(0);
    UNICODE_STRING After = {0};
    unsigned Count = 0;
    WCHAR b[260], Last[255];
    FSX_ENTRY e;

    for (int i = 0; i < 500; i++) {
        char Name[32];

        snprintf(Name, sizeof Name, "%c%03d", i % 2 ? 'F' : 'f', (i * 7919) % 500);
        Make(s, FSX_ROOT_ID, Name, 0);
    }
    while (NT_SUCCESS(s->Ops->Next(s, FSX_ROOT_ID, After.Length ? &After : NULL, &e))) {
        char Want[8];
        UNICODE_STRING n;

        snprintf(Want, sizeof Want, "%03u", Count);
        CHECK(e.Name[1] == (WCHAR)Want[0] && e.Name[2] == (WCHAR)Want[1] &&
              e.Name[3] == (WCHAR)Want[2]);
        memcpy(Last, e.Name, e.NameLength * sizeof(WCHAR));
        After.Buffer = Last;
        After.Length = (USHORT)(e.NameLength * sizeof(WCHAR));
        n = After;
        if (Count % 3 == 0) /* what was just seen goes: the rest is still found */
            CHECK_EQ(s->Ops->Unlink(s, FSX_ROOT_ID, &n), STATUS_SUCCESS);
        Count++;
    }
    (void)b;
    CHECK_EQ(Count, 500);
    s->Ops->Free(s);
}

TEST(short_names, "fs.store.lookup_by_short_name")
{
    FSX_STORE *s = Fresh(0);
    WCHAR a[260], b[260];
    UNICODE_STRING Long = W("a long name.txt", a), Short = W("ALONGN~1.TXT", b);
    FSX_ENTRY e;
    FSX_ID Id;

    CHECK_EQ(s->Ops->Create(s, FSX_ROOT_ID, &Long, &Short, 0, &Id), STATUS_SUCCESS);
    CHECK_EQ(s->Ops->Lookup(s, FSX_ROOT_ID, &Short, &e), STATUS_SUCCESS);
    CHECK_EQ(e.Id, Id);
    CHECK_EQ(e.NameLength, 15);
    CHECK_EQ(s->Ops->Next(s, FSX_ROOT_ID, NULL, &e),
             STATUS_SUCCESS); /* listed once, by its long name */
    CHECK_EQ(s->Ops->Next(s, FSX_ROOT_ID, &Long, &e), STATUS_NO_MORE_FILES);
    CHECK_EQ(s->Ops->Unlink(s, FSX_ROOT_ID, &Long), STATUS_SUCCESS);
    CHECK_EQ(s->Ops->Lookup(s, FSX_ROOT_ID, &Short, &e), STATUS_OBJECT_NAME_NOT_FOUND);
    s->Ops->Drop(s, Id);
    s->Ops->Free(s);
}

TEST(links, "fs.store.links_and_rename")
{
    FSX_STORE *s = Fresh(0);
    FSX_ID Dir = Make(s, FSX_ROOT_ID, "dir", FILE_ATTRIBUTE_DIRECTORY),
           Id = Make(s, FSX_ROOT_ID, "one", 0);
    WCHAR a[260], b[260];
    UNICODE_STRING One = W("one", a), Two = W("two", b);
    FSX_META m;
    FSX_ENTRY e;

    CHECK_EQ(s->Ops->Link(s, Id, Dir, &Two, NULL), STATUS_SUCCESS);
    CHECK_EQ(s->Ops->GetMeta(s, Id, &m), STATUS_SUCCESS);
    CHECK_EQ(m.Links, 2);
    CHECK_EQ(s->Ops->LinkAt(s, Id, 1, &e), STATUS_SUCCESS);
    CHECK_EQ(e.Parent, Dir);
    CHECK_EQ(s->Ops->LinkAt(s, Id, 2, &e), STATUS_NO_MORE_ENTRIES);
    CHECK_EQ(s->Ops->Rename(s, FSX_ROOT_ID, &One, Dir, &Two, NULL), STATUS_OBJECT_NAME_COLLISION);
    CHECK_EQ(s->Ops->Unlink(s, Dir, &Two), STATUS_SUCCESS);
    CHECK_EQ(s->Ops->Rename(s, FSX_ROOT_ID, &One, Dir, &Two, NULL), STATUS_SUCCESS);
    CHECK_EQ(s->Ops->Lookup(s, FSX_ROOT_ID, &One, &e), STATUS_OBJECT_NAME_NOT_FOUND);
    One = W("TWO", a);
    CHECK_EQ(s->Ops->Rename(s, Dir, &Two, Dir, &One, NULL),
             STATUS_SUCCESS); /* only the case changes */
    CHECK_EQ(s->Ops->Lookup(s, Dir, &Two, &e), STATUS_SUCCESS);
    CHECK_EQ(e.Name[0], 'T');
    s->Ops->Free(s);
}

TEST(sparse, "fs.store.sparse_extents")
{
    FSX_STORE *s = Fresh(1 << 20);
    FSX_ID Id = Make(s, FSX_ROOT_ID, "big", FILE_ATTRIBUTE_SPARSE_FILE);
    FSX_SIZES Sizes = {1ll << 40, 1ll << 40, 1ll << 40};
    LONGLONG Offset = 0, Length = 0;
    char c = 'x', d[3] = "??";

    CHECK_EQ(s->Ops->SetSizes(s, Id, 0, &Sizes), STATUS_SUCCESS);
    CHECK_EQ(s->Ops->Write(s, Id, 0, (1ll << 40) - 1, 1, &c), STATUS_SUCCESS);
    CHECK_EQ(s->Ops->Read(s, Id, 0, (1ll << 40) - 2, 2, d), STATUS_SUCCESS);
    CHECK(d[0] == 0 && d[1] == 'x');
    CHECK(s->Ops->NextExtent(s, Id, 0, &Offset, &Length));
    CHECK_EQ(Offset, (1ll << 40) - 4096);
    CHECK_EQ(Length, 4096);
    CHECK_EQ(s->Ops->FreeBytes(s), (1 << 20) - 4096);
    CHECK_EQ(s->Ops->ZeroRange(s, Id, 0, Offset, 4096), STATUS_SUCCESS);
    CHECK_EQ(s->Ops->FreeBytes(s), 1 << 20);
    s->Ops->Free(s);
}

TEST(full, "fs.store.disk_full_changes_nothing")
{
    FSX_STORE *s = Fresh(64 * 1024);
    FSX_ID Id = Make(s, FSX_ROOT_ID, "a", 0);
    FSX_SIZES Sizes = {60000, 60000, 0}, Got;

    CHECK_EQ(s->Ops->SetSizes(s, Id, 0, &Sizes), STATUS_SUCCESS);
    Sizes.Allocation = Sizes.FileSize = 70000;
    CHECK_EQ(s->Ops->SetSizes(s, Id, 0, &Sizes), STATUS_DISK_FULL);
    CHECK_EQ(s->Ops->GetSizes(s, Id, 0, &Got), STATUS_SUCCESS);
    CHECK_EQ(Got.FileSize, 60000);
    CHECK_EQ(Got.Allocation, 61440);
    s->Ops->Free(s);
}

TEST(model, "fs.store.random_bytes_against_a_plain_array")
{
    enum { SIZE = 300000 };
    FSX_STORE *s = Fresh(0);
    FSX_ID Id = Make(s, FSX_ROOT_ID, "a", 0);
    static unsigned char Model[SIZE], Buffer[SIZE];
    unsigned Seed = 7;

    for (unsigned Step = 0; Step < 3000 * test_scale(); Step++) {
        LONGLONG Offset = (Seed = Seed * 1103515245 + 12345) / 7 % SIZE;
        ULONG Length = (Seed = Seed * 1103515245 + 12345) / 7 % (ULONG)(SIZE - Offset);
        FSX_SIZES Sizes = {SIZE, SIZE, SIZE};

        if (Step % 3)
            Length %= 9000;
        switch (Step % 5) {
        case 0:
            CHECK_EQ(s->Ops->ZeroRange(s, Id, 0, Offset, Length), STATUS_SUCCESS);
            memset(Model + Offset, 0, Length);
            break;
        case 1:
            Sizes.FileSize = Sizes.ValidData = Offset;
            CHECK_EQ(s->Ops->SetSizes(s, Id, 0, &Sizes), STATUS_SUCCESS);
            memset(Model + Offset, 0, SIZE - (size_t)Offset);
            break;
        case 2:
            CHECK_EQ(s->Ops->Read(s, Id, 0, Offset, Length, Buffer), STATUS_SUCCESS);
            CHECK(!memcmp(Buffer, Model + Offset, Length));
            break;
        default:
            Sizes.FileSize = SIZE;
            CHECK_EQ(s->Ops->SetSizes(s, Id, 0, &Sizes), STATUS_SUCCESS);
            memset(Buffer, (int)(Step % 255) + 1, Length);
            CHECK_EQ(s->Ops->Write(s, Id, 0, Offset, Length, Buffer), STATUS_SUCCESS);
            memcpy(Model + Offset, Buffer, Length);
        }
    }
    CHECK_EQ(s->Ops->Read(s, Id, 0, 0, SIZE, Buffer), STATUS_SUCCESS);
    CHECK(!memcmp(Buffer, Model, SIZE));
    s->Ops->Free(s);
}

/* ---- folders ------------------------------------------------------------------------------- */

static void HostFile(const char *Dir, const char *Name, const char *Text)
{
    char Path[600];

    snprintf(Path, sizeof Path, "%s/%s", Dir, Name);
    REQUIRE(host_write_file(Path, Text, strlen(Text)) == 0);
}

TEST(transfer, "fs.store.folder_in_and_out")
{
    char In[400], Out[400], Path[600], Error[400];
    struct host_stat a, b;
    FSX_STORE *s = Fresh(0);
    void *Data;
    size_t Size;

    snprintf(In, sizeof In, "%s/in", host_temp_dir());
    snprintf(Out, sizeof Out, "%s/out", host_temp_dir());
    snprintf(Path, sizeof Path, "%s/sub", In);
    REQUIRE(host_mkdir(In, 0755) == 0 && host_mkdir(Path, 0755) == 0);
    HostFile(In, "plain.txt", "hello");
    HostFile(In, "empty", "");
    HostFile(Path, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80.bin", "deep");
    snprintf(Path, sizeof Path, "%s/plain.txt", In);
    REQUIRE(host_set_times(Path, 1000000000ll * 1000000, 1234567890ll * 1000000000 + 123456700) ==
            0);
    CHECK_EQ(FsxImport(s, In, Error), STATUS_SUCCESS);
    CHECK_STR(Error, "");
    CHECK_EQ(FsxExport(s, Out, Error), STATUS_SUCCESS);
    snprintf(Path, sizeof Path, "%s/sub/\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80.bin", Out);
    CHECK_EQ(host_read_file(Path, &Data, &Size), 0);
    CHECK(Size == 4 && !memcmp(Data, "deep", 4));
    free(Data);
    snprintf(Path, sizeof Path, "%s/empty", Out);
    CHECK_EQ(host_stat_path(Path, false, &b), 0);
    CHECK_EQ(b.size, 0);
    snprintf(Path, sizeof Path, "%s/plain.txt", In);
    CHECK_EQ(host_stat_path(Path, false, &a), 0);
    snprintf(Path, sizeof Path, "%s/plain.txt", Out);
    CHECK_EQ(host_stat_path(Path, false, &b), 0);
    CHECK_EQ(a.mtime_ns, b.mtime_ns);
    CHECK_EQ(a.size, b.size);
    s->Ops->Free(s);
}

TEST(refuse, "fs.store.import_refuses_names_by_path")
{
    char In[400], Error[400];
    FSX_STORE *s = Fresh(0);

    snprintf(In, sizeof In, "%s/bad", host_temp_dir());
    REQUIRE(host_mkdir(In, 0755) == 0);
    HostFile(In, "a:b", "x");
    CHECK_EQ(FsxImport(s, In, Error), STATUS_OBJECT_NAME_INVALID);
    CHECK(strstr(Error, "a:b"));
    s->Ops->Free(s);
    s = Fresh(0);
    snprintf(In, sizeof In, "%s/bad2", host_temp_dir());
    REQUIRE(host_mkdir(In, 0755) == 0);
    HostFile(In, "one", "x");
    HostFile(In, "ONE", "y");
    CHECK_EQ(FsxImport(s, In, Error), STATUS_OBJECT_NAME_COLLISION);
    CHECK(strstr(Error, "case"));
    s->Ops->Free(s);
}
