/* SPDX-License-Identifier: MIT */
/* CPU faults turned into calls on the faulting thread's own stack; see fault.h for the contract. */
#include "host/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include "host/host.h"

#define RED_ZONE 128u
#define ALT_SIZE                                                                                   \
    ((size_t)128 << 10) /* also its alignment: the handler finds its thread's record by it */
#define RECORD_MAGIC 0x746c756166746c66ull
#define MAX_HANDLERS 8

/* What the dispatch and the handlers need of the stack besides the frame. */
#define CALL_ROOM 8192u
#define OVERSTEP ((uintptr_t)1 << 20)

/* Values of the kernel's XSAVE frame (asm/sigcontext.h): marks and the place of the size. */
#define XSTATE_MAGIC1 0x46505853u
#define FXSAVE_SIZE 512u

extern void host_fault_trampoline(void);

/*
 * Lives at the low end of the thread's alternate stack, so that the handler needs no thread-local
 * storage: a driver that overwrites its whole stack overwrites what the C library keeps at the top
 * of it too.
 */
struct fault_thread {
    uint64_t magic;
    uintptr_t stack_low, stack_high;
    uintptr_t control_block; /* what the C library keeps at fs:0 and fs:16 */
    bool reporting;          /* the next fault goes to the fatal hook */
};

/* Saved state of one fault on the thread's stack. The kernel reads uc (and the XSAVE area) back in
 * rt_sigreturn. */
struct host_fault_frame {
    ucontext_t uc;
    siginfo_t info;
    struct fault_thread *thread;
};

static struct {
    host_lock lock;
    bool ready;
    host_fatal_fn *fatal;
    unsigned count;
    struct {
        int rank;
        host_fault_fn *fn;
    } handler[MAX_HANDLERS];
} faults;

static __thread struct fault_thread *this_thread;

static const int greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};

static void write_text(const char *text)
{
    ssize_t unused = write(2, text, strlen(text));

    (void)unused;
}

static enum host_fault_kind kind_of(int signo, const siginfo_t *info)
{
    switch (signo) {
    case SIGBUS:
        return HOST_FAULT_BUS;
    case SIGILL:
        return HOST_FAULT_ILLEGAL;
    case SIGTRAP:
        return HOST_FAULT_TRAP;
    case SIGFPE:
        return HOST_FAULT_ARITHMETIC;
    default:
        return info->si_code == SI_KERNEL ? HOST_FAULT_PROTECTION : HOST_FAULT_ACCESS;
    }
}

static void fill(struct host_fault *f, const ucontext_t *uc, const siginfo_t *info,
                 const struct fault_thread *t)
{
    const greg_t *g = uc->uc_mcontext.gregs;

    memset(f, 0, sizeof(*f));
    f->signal_number = info->si_signo;
    f->code = info->si_code;
    f->kind = kind_of(info->si_signo, info);
    f->trap = (uint64_t)g[REG_TRAPNO];
    f->error = (uint64_t)g[REG_ERR];
    f->has_address = f->kind == HOST_FAULT_ACCESS || f->kind == HOST_FAULT_BUS;
    f->address = (uint64_t)(uintptr_t)info->si_addr;
    /* The page fault error code: bit 1 a write, bit 4 an instruction fetch. */
    f->write = f->has_address && f->error & 2;
    f->execute = f->has_address && (f->error & 16 || f->address == (uint64_t)g[REG_RIP]);
    for (int i = 0; i < 16; i++)
        f->regs.gp[i] = (uint64_t)g[greg_of[i]];
    f->regs.rip = (uint64_t)g[REG_RIP];
    f->regs.rflags = (uint64_t)g[REG_EFL];
    if (uc->uc_mcontext.fpregs) {
        f->xmm = uc->uc_mcontext.fpregs->_xmm;
        f->mxcsr = &uc->uc_mcontext.fpregs->mxcsr;
    }
    if (t) {
        f->nested = t->reporting;
        f->stack_low = t->stack_low;
        f->stack_high = t->stack_high;
    }
}

static _Noreturn void fatal(const struct host_fault *f, const char *why)
{
    /* A second fault in here must not come back. */
    static int entered;

    if (!__atomic_exchange_n(&entered, 1, __ATOMIC_ACQ_REL)) {
        if (faults.fatal)
            faults.fatal(f, why);
        write_text("openflt: the machine stops: ");
        write_text(why);
        write_text("\n");
    }
    _exit(70);
}

/* Size of the saved floating-point area; the kernel notes it in the reserved bytes of the legacy
 * part. */
static size_t xsave_size(const void *fp)
{
    uint32_t sw[2];

    memcpy(sw, (const uint8_t *)fp + 464, sizeof(sw));
    return sw[0] == XSTATE_MAGIC1 && sw[1] >= FXSAVE_SIZE && sw[1] < 65536 ? sw[1] : FXSAVE_SIZE;
}

/*
 * The thread's control block lies above its stack. When its self pointers are gone, so is all
 * thread-local data; they are put back, so that the fatal hook can at least make system calls.
 * Returns false when they were gone.
 */
static bool control_block_intact(const struct fault_thread *t)
{
    uintptr_t first, second;

    __asm__ volatile("mov %%fs:0, %0\n\tmov %%fs:16, %1" : "=r"(first), "=r"(second));
    if (first == t->control_block && second == t->control_block)
        return true;
    __asm__ volatile("mov %0, %%fs:0\n\tmov %0, %%fs:16" ::"r"(t->control_block) : "memory");
    return false;
}

/* The record at the low end of the alternate stack this frame lies on; NULL when the thread never
 * attached. */
static struct fault_thread *thread_of(const void *frame)
{
    struct fault_thread *t = (struct fault_thread *)((uintptr_t)frame & ~(uintptr_t)(ALT_SIZE - 1));

    return t->magic == RECORD_MAGIC ? t : NULL;
}

/*
 * Copies the context below the interrupted stack pointer and makes the signal return into the
 * trampoline. Returns NULL, or why the stack cannot take it.
 */
static const char *redirect(ucontext_t *uc, const siginfo_t *info, struct fault_thread *t)
{
    greg_t *g = uc->uc_mcontext.gregs;
    uintptr_t sp = (uintptr_t)g[REG_RSP], at;
    size_t fp_size = uc->uc_mcontext.fpregs ? xsave_size(uc->uc_mcontext.fpregs) : 0;
    struct host_fault_frame *frame;

    /* A large frame may have stepped over the low end before it was touched. */
    if (sp < t->stack_low && t->stack_low - sp < OVERSTEP)
        return "kernel stack overflow";
    if (sp < t->stack_low || sp > t->stack_high)
        return "the stack pointer of the faulting thread is outside of its stack";
    if (sp - t->stack_low < RED_ZONE + fp_size + sizeof(*frame) + CALL_ROOM)
        return "kernel stack overflow";
    at = (sp - RED_ZONE - fp_size) & ~(uintptr_t)63;
    frame = (struct host_fault_frame *)((at - sizeof(*frame)) & ~(uintptr_t)15);
    memcpy(&frame->uc, uc, sizeof(*uc));
    memcpy(&frame->info, info, sizeof(*info));
    frame->thread = t;
    if (fp_size) {
        memcpy((void *)at, uc->uc_mcontext.fpregs, fp_size);
        frame->uc.uc_mcontext.fpregs = (fpregset_t)at;
    }
    g[REG_RDI] = (greg_t)(uintptr_t)frame;
    g[REG_RSP] = (greg_t)(uintptr_t)frame;
    g[REG_RIP] = (greg_t)(uintptr_t)host_fault_trampoline;
    g[REG_EFL] &= ~(greg_t)0x40500; /* AC, DF and TF */
    return NULL;
}

static void default_action(int signo)
{
    struct sigaction sa = {.sa_handler = SIG_DFL};

    sigaction(signo, &sa, NULL);
    raise(signo);
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
    /* No errno in here: it is thread-local, and the fault may be about just that. */
    ucontext_t *uc = context;
    struct fault_thread *t = thread_of(__builtin_frame_address(0));
    struct host_fault f;
    const char *why;

    if (info->si_code <= 0) {
        default_action(signo); /* sent by a process, not raised by an instruction */
        return;
    }
    if (!t) {
        fill(&f, uc, info, NULL);
        fatal(&f, "a fault on a host thread that runs no NT code");
    }
    if (!control_block_intact(t))
        why = "a driver overwrote a whole stack, its thread's own data behind it included";
    else if (t->reporting)
        why = "a fault while a fault was being reported";
    else if ((uintptr_t)uc->uc_mcontext.gregs[REG_RSP] - (uintptr_t)t < ALT_SIZE)
        why = "a fault inside the fault handler";
    else
        why = redirect(uc, info, t);
    if (why) {
        fill(&f, uc, info, t);
        fatal(&f, why);
    }
}

static void on_abort(int signo, siginfo_t *info, void *context)
{
    struct host_fault f;

    (void)signo;
    fill(&f, context, info, NULL);
    fatal(&f, "openflt's own consistency check failed (abort); its heap may have been overwritten");
}

static void on_alarm(int signo, siginfo_t *info, void *context)
{
    struct host_fault f;

    (void)signo;
    fill(&f, context, info, NULL);
    fatal(&f, "the report of a fault did not end in time");
}

/* Loads what handlers changed back into the frame. */
static void store(struct host_fault_frame *frame, const struct host_fault *f)
{
    greg_t *g = frame->uc.uc_mcontext.gregs;

    for (int i = 0; i < 16; i++)
        g[greg_of[i]] = (greg_t)f->regs.gp[i];
    g[REG_RIP] = (greg_t)f->regs.rip;
    g[REG_EFL] = (greg_t)f->regs.rflags;
}

/* Called by the trampoline, as ordinary code. Returns the ucontext to resume. */
void *host_fault_dispatch(struct host_fault_frame *frame);
void *host_fault_dispatch(struct host_fault_frame *frame)
{
    int saved_errno = errno;
    struct host_fault f;

    fill(&f, &frame->uc, &frame->info, frame->thread);
    for (unsigned i = 0; i < faults.count; i++)
        if (faults.handler[i].fn(&f) == HOST_FAULT_HANDLED) {
            store(frame, &f);
            errno = saved_errno;
            return &frame->uc;
        }
    fatal(&f, "a processor fault that nothing handles");
}

int host_fault_add_handler(int rank, host_fault_fn *fn)
{
    unsigned at;

    host_lock_acquire(&faults.lock);
    if (faults.count == MAX_HANDLERS) {
        host_lock_release(&faults.lock);
        return -ENOSPC;
    }
    for (at = faults.count; at && faults.handler[at - 1].rank > rank; at--)
        faults.handler[at] = faults.handler[at - 1];
    faults.handler[at].rank = rank;
    faults.handler[at].fn = fn;
    faults.count++;
    host_lock_release(&faults.lock);
    return 0;
}

void host_fault_set_fatal(host_fatal_fn *fn)
{
    faults.fatal = fn;
}

static void install(int signo, void (*fn)(int, siginfo_t *, void *))
{
    struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

    sigaction(signo, &sa, NULL);
}

int host_fault_init(void)
{
    host_lock_acquire(&faults.lock);
    if (!faults.ready) {
        install(SIGSEGV, on_fault);
        install(SIGBUS, on_fault);
        install(SIGILL, on_fault);
        install(SIGTRAP, on_fault);
        install(SIGFPE, on_fault);
        install(SIGABRT, on_abort);
        faults.ready = true;
    }
    host_lock_release(&faults.lock);
    return host_fault_thread_attach();
}

/* ALT_SIZE bytes aligned to ALT_SIZE: map twice as much and give the rest back. */
static void *map_aligned(void)
{
    uint8_t *p = mmap(NULL, 2 * ALT_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint8_t *at;

    if (p == MAP_FAILED)
        return NULL;
    at = (uint8_t *)(((uintptr_t)p + ALT_SIZE - 1) & ~(uintptr_t)(ALT_SIZE - 1));
    if (at > p)
        munmap(p, (size_t)(at - p));
    if (at < p + ALT_SIZE)
        munmap(at + ALT_SIZE, (size_t)(p + ALT_SIZE - at));
    return at;
}

/*
 * The C library registers restartable sequences in the thread's control block. The kernel reads
 * that area on its way back from a fault and kills the process, past any handler, when a driver has
 * overwritten it: take it back.
 */
static void drop_rseq(void)
{
    enum { UNREGISTER = 1, SIZE = 32 };

    if (__rseq_size)
        syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, SIZE, UNREGISTER,
                RSEQ_SIG);
}

int host_fault_thread_attach(void)
{
    struct fault_thread *t;
    stack_t stack;

    if (this_thread)
        return 0;
    t = map_aligned();
    if (!t)
        return -ENOMEM;
    host_thread_stack(&t->stack_low, &t->stack_high);
    __asm__ volatile("mov %%fs:0, %0" : "=r"(t->control_block));
    t->magic = RECORD_MAGIC;
    /* The record's page stays out of the stack's way; a handler that runs down to it hits the page
     * before. */
    stack = (stack_t){.ss_sp = (uint8_t *)t + HOST_PAGE, .ss_size = ALT_SIZE - HOST_PAGE};
    if (sigaltstack(&stack, NULL)) {
        int e = errno;

        munmap(t, ALT_SIZE);
        return -e;
    }
    drop_rseq();
    this_thread = t;
    return 0;
}

void host_fault_thread_detach(void)
{
    stack_t off = {.ss_flags = SS_DISABLE};

    if (!this_thread)
        return;
    sigaltstack(&off, NULL);
    munmap(this_thread, ALT_SIZE);
    this_thread = NULL;
}

void host_fault_set_stack(uintptr_t low, uintptr_t high, uintptr_t *old_low, uintptr_t *old_high)
{
    *old_low = *old_high = 0;
    if (!this_thread)
        return;
    *old_low = this_thread->stack_low;
    *old_high = this_thread->stack_high;
    this_thread->stack_low = low;
    this_thread->stack_high = high;
}

bool host_fault_stack(uintptr_t *low, uintptr_t *high)
{
    if (!this_thread)
        return false;
    *low = this_thread->stack_low;
    *high = this_thread->stack_high;
    return true;
}

void host_fault_begin_report(unsigned seconds)
{
    if (this_thread)
        this_thread->reporting = true;
    install(SIGALRM, on_alarm);
    alarm(seconds);
}

size_t host_safe_read(const void *from, void *to, size_t n)
{
    struct iovec local = {to, n}, remote = {(void *)(uintptr_t)from, n};
    ssize_t got;
    int fds[2];

    if (!n)
        return 0;
    got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (got >= 0)
        return (size_t)got;
    if (errno == EFAULT || pipe(fds))
        return 0;
    /* Containers may forbid process_vm_readv: a pipe copies through the kernel as well. */
    got = write(fds[1], from, n < 4096 ? n : 4096);
    got = got > 0 ? read(fds[0], to, (size_t)got) : 0;
    close(fds[0]);
    close(fds[1]);
    return got > 0 ? (size_t)got : 0;
}

void host_fault_frame_xmm(uint64_t frame, void *xmm, uint32_t *mxcsr)
{
    const struct host_fault_frame *f = (const struct host_fault_frame *)(uintptr_t)frame;

    if (!f->uc.uc_mcontext.fpregs)
        return;
    memcpy(xmm, f->uc.uc_mcontext.fpregs->_xmm, 256);
    *mxcsr = f->uc.uc_mcontext.fpregs->mxcsr;
}
