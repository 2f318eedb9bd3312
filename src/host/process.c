/* SPDX-License-Identifier: MIT */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int host_fork(void)
{
    int pid = (int)fork();

    return pid < 0 ? -errno : pid;
}

void host_die_with_parent(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Sleeps until the child ends or the time is over; without pidfd (kernel < 5.3) it polls. */
static void wait_for_end(int pid, uint64_t timeout_ns)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t ms = timeout_ns / 1000000u;

    if (fd < 0) {
        host_sleep_ns(timeout_ns < 5000000u ? timeout_ns : 5000000u);
        return;
    }
    poll(&p, 1, timeout_ns == UINT64_MAX ? -1 : ms > 0x7fffffff ? 0x7fffffff : (int)ms);
    close(fd);
}

int host_wait_child(int pid, uint64_t timeout_ns, struct host_child_state *out)
{
    uint64_t end = timeout_ns == UINT64_MAX ? UINT64_MAX : host_monotonic_ns() + timeout_ns;

    for (;;) {
        int status;
        int got = (int)waitpid(pid, &status, WNOHANG);
        uint64_t now = host_monotonic_ns();

        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == pid) {
            out->end = WIFSIGNALED(status) ? HOST_SIGNALED : HOST_EXITED;
            out->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
            return 0;
        }
        if (now >= end) {
            out->end = HOST_RUNNING;
            out->code = 0;
            return 0;
        }
        wait_for_end(pid, end == UINT64_MAX ? UINT64_MAX : end - now);
    }
}

int host_kill(int pid, int signal_number)
{
    return kill(pid, signal_number) ? -errno : 0;
}

bool host_process_stopped(int pid)
{
    char path[64], text[512];
    const char *end;
    int64_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    fd = host_open(path, HOST_O_READ, 0);
    if (fd < 0)
        return false;
    n = host_read(fd, text, sizeof(text) - 1);
    host_close(fd);
    text[n > 0 ? n : 0] = 0;
    /* The state letter stands behind the parenthesised name, which may hold anything. */
    end = strrchr(text, ')');
    return end && (end[2] == 'T' || end[2] == 't');
}

int host_spawn(const char *const argv[], int in, int out, int err)
{
    posix_spawn_file_actions_t actions;
    int fds[3] = {in, out, err};
    int pid, e;

    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    e = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return e ? -e : pid;
}

int host_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC) ? -errno : 0;
}

void host_exit_now(int status)
{
    _exit(status);
}

int host_pid(void)
{
    return (int)getpid();
}

int host_self_path(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);

    if (n < 0)
        return -errno;
    out[n] = 0;
    return 0;
}

int host_exec(const char *path, const char *const argv[])
{
    execvp(path, (char *const *)argv);
    return -errno;
}

bool host_is_terminal(int fd)
{
    return isatty(fd);
}
