/* SPDX-License-Identifier: MIT */
/*
 * What the Microsoft linker adds to a driver from its libraries: /GS support and the load
 * configuration through which the loader finds the cookie and the guard pointers. Compiled for the
 * driver's target and linked by openflt cc.
 */
typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned short u16;

/* The published default; the loader replaces it, and code that finds it unchanged may treat it as
 * not initialised. */
u64 __security_cookie = 0x00002B992DDFA232ull;
u64 __security_cookie_complement = ~0x00002B992DDFA232ull;

int _fltused = 0x9875;

__declspec(noreturn) void __report_gsfailure(u64 cookie)
{
    (void)cookie;
    __asm__ volatile("int $0x29" ::"c"(2)); /* FAST_FAIL_STACK_COOKIE_CHECK_FAILURE */
    __builtin_unreachable();
}

void __security_check_cookie(u64 cookie)
{
    if (cookie != __security_cookie)
        __report_gsfailure(cookie);
}

void __security_init_cookie(void)
{
}

static void guard_check(void)
{
}

__attribute__((naked)) static void guard_dispatch(void)
{
    __asm__("jmp *%rax");
}

void (*__guard_check_icall_fptr)(void) = guard_check;
void (*__guard_dispatch_icall_fptr)(void) = guard_dispatch;

/* IMAGE_LOAD_CONFIG_DIRECTORY64 up to GuardFlags. */
struct load_config {
    u32 size, time_stamp;
    u16 major, minor;
    u32 global_flags_clear, global_flags_set, critical_section_timeout;
    u64 free_block_threshold, total_free_threshold, lock_prefix_table, maximum_allocation;
    u64 virtual_memory_threshold, process_affinity;
    u32 process_heap_flags;
    u16 csd_version, dependent_load_flags;
    u64 edit_list;
    u64 *security_cookie;
    u64 seh_table, seh_count;
    void (**guard_check)(void);
    void (**guard_dispatch)(void);
    u64 guard_table, guard_count;
    u32 guard_flags;
};
extern const struct load_config _load_config_used;
const struct load_config _load_config_used = {
    .size = sizeof(struct load_config),
    .security_cookie = &__security_cookie,
    .guard_check = &__guard_check_icall_fptr,
    .guard_dispatch = &__guard_dispatch_icall_fptr,
};
_Static_assert(__builtin_offsetof(struct load_config, security_cookie) == 0x58, "load config");
_Static_assert(__builtin_offsetof(struct load_config, guard_check) == 0x70, "load config");
