/* SPDX-License-Identifier: MulanPSL-2.0
 * Asks the tracker of the daemon, over the socket that the plugin host hands in; without one there is nobody to ask.
 *
 * A question is struct question and its ranges, an answer is struct answer and its runs, both in the machine's own byte order.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scan.h"

#define SOCKET_VARIABLE "ETMEM_SCAN_FD"
#define MAGIC 0x53544d45u

struct question {
    uint32_t magic;
    uint32_t flags;
    int64_t pid;
    uint64_t ranges;
};

struct range {
    uint64_t start, end;
};

struct answer {
    int32_t error; /* errno, or 0 */
    uint32_t reserved;
    uint64_t runs;
};

/* `pages` pages of one type from `addr` on, each seen accessed `count` times. */
struct run {
    uint64_t addr;
    uint32_t pages;
    uint16_t type;
    uint16_t count;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static int transfer(int fd, void *bytes, size_t length, bool out)
{
    char *at = bytes;
    while (length > 0) {
        ssize_t done = out ? send(fd, at, length, MSG_NOSIGNAL) : recv(fd, at, length, 0);
        if (done < 0 && errno == EINTR) continue;
        if (done == 0) errno = ECONNRESET;
        if (done <= 0) return -1;
        at += done;
        length -= (size_t)done;
    }
    return 0;
}

static int socket_of_host(void)
{
    const char *text = secure_getenv(SOCKET_VARIABLE);
    char *end = NULL;
    long fd = text == NULL ? -1 : strtol(text, &end, 10);
    if (fd >= 0 && fd <= 1 << 20 && end != text && *end == '\0') return (int)fd;
    errno = ENODEV;
    return -1;
}

static int send_question(int fd, const char *pid, const struct vma *areas, int flags)
{
    struct question question = {.magic = MAGIC, .flags = (uint32_t)flags, .pid = strtol(pid, NULL, 10)};
    for (const struct vma *area = areas; area != NULL; area = area->next) question.ranges++;
    if (transfer(fd, &question, sizeof(question), true) < 0) return -1;
    for (const struct vma *area = areas; area != NULL; area = area->next) {
        struct range range = {area->start, area->end};
        if (transfer(fd, &range, sizeof(range), true) < 0) return -1;
    }
    return 0;
}

static int take_run(struct page_cursor *cursor, const struct run *run)
{
    if (run->type > PUD_TYPE || run->addr % bytes_of(PTE_TYPE) != 0) {
        errno = EIO;
        return -1;
    }
    for (uint32_t i = 0; i < run->pages; i++) {
        if (add_page(cursor, run->addr + i * bytes_of((enum page_type)run->type), run->count, (enum page_type)run->type) < 0) return -1;
    }
    return 0;
}

/* All of an answer is taken from the socket, even if there is no room for it: the next one begins behind it. */
static int read_answer(int fd, struct page_refs **found)
{
    struct answer answer;
    struct page_cursor cursor = {found};
    struct run runs[512];
    int failed = 0, reason = 0;
    if (transfer(fd, &answer, sizeof(answer), false) < 0) return -1;
    for (uint64_t left = answer.runs; left > 0;) {
        size_t n = left < 512 ? (size_t)left : 512;
        if (transfer(fd, runs, n * sizeof(runs[0]), false) < 0) return -1;
        for (size_t i = 0; i < n && !failed; i++) {
            failed = take_run(&cursor, &runs[i]);
            reason = errno;
        }
        left -= n;
    }
    errno = answer.error != 0 ? answer.error : reason;
    return answer.error != 0 ? -1 : failed;
}

int ask_tracker(const char *pid, const struct vma *areas, int flags, struct page_refs **found)
{
    int fd = socket_of_host();
    if (fd < 0) return -1;
    pthread_mutex_lock(&turn);
    int failed = send_question(fd, pid, areas, flags) < 0 ? -1 : read_answer(fd, found), reason = errno;
    pthread_mutex_unlock(&turn);
    errno = reason;
    return failed;
}
