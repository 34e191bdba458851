/* SPDX-License-Identifier: MulanPSL-2.0
 * Drives libetmemd_scan for its tests:
 *   list PID FLAGS TIMES          prints each page: address, count, type
 *   threads PID THREADS CYCLES    the same scan in many threads at once; prints nothing if they all agree
 *   asked THREADS CYCLES          the same against a tracker behind a socket, which this program plays itself
 *   areas PID ANON_ONLY [FLAG…]   prints each area
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../native/etmem.h"

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    return 1;
}

static int list(const char *pid, int flags, int times)
{
    struct page_refs *pages = NULL;
    struct vmas *vmas = etmemd_get_vmas(pid, NULL, 0, false);
    int failed = vmas == NULL ? fail("etmemd_get_vmas") : 0;
    for (int i = 0; i < times && !failed; i++) failed = etmemd_get_page_refs(vmas, pid, &pages, flags) < 0 ? fail("etmemd_get_page_refs") : 0;
    for (const struct page_refs *page = pages; page != NULL; page = page->next) {
        printf("%" PRIx64 " %d %d\n", page->addr, page->count, (int)page->type);
    }
    etmemd_free_page_refs(pages);
    etmemd_free_vmas(vmas);
    return failed;
}

static int areas(const char *pid, bool anon_only, char *flags[], int n)
{
    struct vmas *vmas = etmemd_get_vmas(pid, flags, n, anon_only);
    if (vmas == NULL) return fail("etmemd_get_vmas");
    for (const struct vma *vma = vmas->vma_list; vma != NULL; vma = vma->next) {
        printf("%" PRIx64 "-%" PRIx64 " %d%d%d%d %" PRIu64 " %s\n", vma->start, vma->end, vma->stat.read, vma->stat.write, vma->stat.exec,
               vma->stat.may_share, vma->inode, vma->path);
    }
    etmemd_free_vmas(vmas);
    return 0;
}

struct lane {
    pthread_t thread;
    const char *pid;
    int cycles;
    uint64_t sum;
    int failed;
};

static struct vma one = {.start = 0x400000000, .end = 0x400100000};
static struct vmas asked = {.vma_cnt = 1, .vma_list = &one};

static void *scan_again_and_again(void *given)
{
    struct lane *lane = given;
    for (int i = 0; i < lane->cycles && !lane->failed; i++) {
        struct page_refs *pages = NULL;
        struct vmas *vmas = lane->pid == NULL ? &asked : etmemd_get_vmas(lane->pid, NULL, 0, true);
        if (vmas == NULL || etmemd_get_page_refs(vmas, lane->pid == NULL ? "1" : lane->pid, &pages, 0) < 0) lane->failed = errno;
        for (const struct page_refs *page = pages; page != NULL; page = page->next) lane->sum += page->addr / 4096 * (uint64_t)(page->count + 1);
        etmemd_free_page_refs(pages);
        if (vmas != &asked) etmemd_free_vmas(vmas);
    }
    return NULL;
}

static int together(const char *pid, int threads, int cycles)
{
    struct lane *lanes = calloc((size_t)threads, sizeof(*lanes));
    int failed = 0;
    for (int i = 0; i < threads; i++) {
        lanes[i] = (struct lane){.pid = pid, .cycles = cycles};
        if (pthread_create(&lanes[i].thread, NULL, scan_again_and_again, &lanes[i]) != 0) return fail("pthread_create");
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(lanes[i].thread, NULL);
        errno = lanes[i].failed;
        if (lanes[i].failed) failed = fail("a thread");
        if (lanes[i].sum != lanes[0].sum || lanes[i].sum == 0) failed = fprintf(stderr, "threads disagree\n") > 0;
    }
    free(lanes);
    return failed;
}

struct question { uint32_t magic, flags; int64_t pid; uint64_t ranges; uint64_t start, end; };
struct answer { int32_t error; uint32_t reserved; uint64_t runs; };
struct run { uint64_t addr; uint32_t pages; uint16_t type, count; };

static void *answer_questions(void *given)
{
    int fd = *(int *)given;
    struct question question;
    while (recv(fd, &question, sizeof(question), MSG_WAITALL) == sizeof(question)) {
        struct answer answer = {.runs = 2};
        struct run runs[] = {{question.start, 3, 0, 1}, {question.start + 0x10000, 200, 0, 0}};
        if (question.magic != 0x53544d45 || question.ranges != 1 || question.pid != 1) answer = (struct answer){.error = EPROTO};
        if (send(fd, &answer, sizeof(answer), 0) < 0 || (answer.runs > 0 && send(fd, runs, sizeof(runs), 0) < 0)) break;
    }
    return NULL;
}

static int ask(int threads, int cycles)
{
    int ends[2];
    char number[12];
    pthread_t tracker;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) return fail("socketpair");
    snprintf(number, sizeof(number), "%d", ends[0]);
    setenv("ETMEM_SCAN_FD", number, 1);
    if (pthread_create(&tracker, NULL, answer_questions, &ends[1]) != 0) return fail("pthread_create");
    int failed = together(NULL, threads, cycles);
    shutdown(ends[0], SHUT_RDWR);
    pthread_join(tracker, NULL);
    return failed;
}

int main(int argc, char *argv[])
{
    if (argc < 4 || etmemd_scan_init() != 0) return 2;
    if (etmemd_scan_init() != -1) return 3;
    if (strcmp(argv[1], "list") == 0 && argc == 5) return list(argv[2], (int)strtol(argv[3], NULL, 0), atoi(argv[4]));
    if (strcmp(argv[1], "threads") == 0 && argc == 5) return together(argv[2], atoi(argv[3]), atoi(argv[4]));
    if (strcmp(argv[1], "asked") == 0) return ask(atoi(argv[2]), atoi(argv[3]));
    if (strcmp(argv[1], "areas") == 0) return areas(argv[2], strcmp(argv[3], "1") == 0, argv + 4, argc - 4);
    return 2;
}
