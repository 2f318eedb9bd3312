/* SPDX-License-Identifier: MIT */
#include "harness.h"
#include "host/host.h"

TEST(window_is_low, "host.window.low_and_reserved")
{
    char *p = host_window_alloc(100000, HOST_RW);

    REQUIRE(p);
    CHECK(host_is_user_range(p, 100000));
    p[0] = p[99999] = 1;
    CHECK(!host_map_at(p + (1 << 20), HOST_PAGE, HOST_RW));
    CHECK_EQ(host_window_free(p, 100000), 0);
    CHECK(!host_is_user_range(malloc(1), 1));
    CHECK(!host_is_user_range((void *)(HOST_USER_LIMIT - 1), 2));
}

static host_parker parker;
static int woken;
static void waiter(void *arg)
{
    woken = host_park(&parker, 0);
}

TEST(park, "host.park.wake_before_and_after_wait_and_deadline")
{
    host_thread *t;
    uint64_t start;

    host_unpark(&parker);
    CHECK(host_park(&parker, 0));
    start = host_monotonic_ns();
    CHECK(!host_park(&parker, start + 20000000));
    CHECK(host_monotonic_ns() - start >= 20000000);
    REQUIRE(!host_thread_start("waiter", 0, waiter, NULL, &t));
    host_sleep_ns(20000000);
    CHECK(!woken);
    host_unpark(&parker);
    host_thread_join(t);
    CHECK(woken);
}

static host_lock lock;
static long counter;
static void adder(void *arg)
{
    for (int i = 0; i < 200000; i++) {
        host_lock_acquire(&lock);
        counter++;
        host_lock_release(&lock);
    }
}

TEST(lock, "host.lock.excludes")
{
    host_thread *t[3];

    for (int i = 0; i < 3; i++)
        REQUIRE(!host_thread_start("adder", 0, adder, NULL, &t[i]));
    for (int i = 0; i < 3; i++)
        host_thread_join(t[i]);
    CHECK_EQ(counter, 600000);
}

TEST(gs, "host.gs.set_and_read")
{
    static uint64_t block[64];

    block[49] = 0x1234567890;
    host_set_gs(block);
    uint64_t v;
    __asm__ volatile("movq %%gs:0x188, %0" : "=r"(v));
    CHECK_EQ(v, 0x1234567890);
    CHECK(host_get_gs() == block);
}

TEST(child, "host.process.wait_reports_exit_and_signal")
{
    struct host_child_state s;
    int pid = host_fork();

    if (!pid)
        host_exit_now(7);
    CHECK_EQ(host_wait_child(pid, UINT64_MAX, &s), 0);
    CHECK(s.end == HOST_EXITED && s.code == 7);
    pid = host_fork();
    if (!pid)
        for (;;)
            host_sleep_ns(1000000000);
    CHECK_EQ(host_wait_child(pid, 20000000, &s), 0);
    CHECK(s.end == HOST_RUNNING);
    host_kill(pid, 9);
    CHECK_EQ(host_wait_child(pid, UINT64_MAX, &s), 0);
    CHECK(s.end == HOST_SIGNALED && s.code == 9);
}

static int exit_calls;
static void at_exit(void *arg)
{
    exit_calls = exit_calls * 10 + (int)(intptr_t)arg;
}
static void exiting(void *arg)
{
    (void)arg;
    host_thread_at_exit(at_exit, (void *)1);
    host_thread_at_exit(at_exit, (void *)2);
}

TEST(at_exit, "host.thread.at_exit_runs_last_first")
{
    host_thread *t;

    REQUIRE(!host_thread_start("exiting", 0, exiting, NULL, &t));
    host_thread_join(t);
    CHECK_EQ(exit_calls, 21);
}

/* Dekker with plain stores on one side: only the heavy barrier keeps both from missing each other.
 */
static volatile int dekker_a, dekker_b, dekker_saw, dekker_go;
static void light_side(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 3000; i++) {
        while (dekker_go < i)
            ;
        dekker_a = i;
        __asm__ volatile("" ::: "memory");
        dekker_saw = dekker_b;
        __asm__ volatile("" ::: "memory");
        dekker_go = -i;
    }
}

TEST(heavy_barrier, "host.barrier.heavy_barrier_orders_the_light_side")
{
    host_thread *t;
    int missed = 0;

    REQUIRE(!host_thread_start("light", 0, light_side, NULL, &t));
    for (int i = 1; i <= 3000; i++) {
        int saw;

        dekker_go = i;
        dekker_b = i;
        host_heavy_barrier();
        saw = dekker_a;
        while (dekker_go != -i)
            ;
        missed += saw != i && dekker_saw != i;
    }
    host_thread_join(t);
    CHECK_EQ(missed, 0);
}

TEST(host_copy_bad, "host.host_copy_checked.bad_addresses")
{
    char from[64] = "bytes", to[64] = "";
    char *none = host_map(HOST_PAGE * 2, HOST_RW);

    CHECK_EQ(host_copy_checked(to, from, sizeof from), 0);
    CHECK_STR(to, "bytes");
    REQUIRE(none != NULL);
    host_protect(none + HOST_PAGE, HOST_PAGE, HOST_NONE);
    CHECK(host_copy_checked(to, none + HOST_PAGE, 1) < 0);
    CHECK(host_copy_checked(none + HOST_PAGE, from, 1) < 0);
    CHECK(host_copy_checked(to, NULL, 8) < 0);
    /* The part before the bad page is copied. */
    CHECK(host_copy_checked(none + HOST_PAGE - 2, from, 4) < 0);
}

TEST(host_probe, "host.host_probe_pages.follows_protection")
{
    char *p = host_map(HOST_PAGE * 3, HOST_RW);

    REQUIRE(p != NULL);
    p[0] = 7;
    CHECK_EQ(host_probe_pages(p + 5, HOST_PAGE * 2, true), 0);
    CHECK_EQ(p[0], 7);
    host_protect(p + HOST_PAGE, HOST_PAGE, HOST_READ);
    CHECK(host_probe_pages(p, HOST_PAGE * 2, true) < 0);
    CHECK_EQ(host_probe_pages(p, HOST_PAGE * 2, false), 0);
    host_protect(p + HOST_PAGE, HOST_PAGE, HOST_NONE);
    CHECK(host_probe_pages(p + HOST_PAGE, 1, false) < 0);
}

TEST(host_window_alias, "host.host_window_alias.shares_the_page")
{
    char *u = host_window_alloc(HOST_PAGE, HOST_RW), *k;

    REQUIRE(u != NULL);
    k = host_window_alias(u);
    REQUIRE(k != NULL);
    CHECK((uintptr_t)k >= HOST_USER_LIMIT);
    u[1] = 9;
    CHECK_EQ(k[1], 9);
    k[2] = 8;
    CHECK_EQ(u[2], 8);
    CHECK_EQ(host_window_free(u, HOST_PAGE), 0);
    CHECK(host_probe_pages(u, 1, false) < 0);
    CHECK(host_window_alias((void *)8) == NULL);
}
