/*
 * A policy in C: pages out what a process has not used for `loop` looks, by itself, and answers the command `report`.
 * cc -shared -fPIC -pthread -o idle_engine.so idle_engine.c -letmemd_scan $(pkg-config --libs glib-2.0)
 */
#define _GNU_SOURCE
#include <etmem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define ADVICE_PAGEOUT 21 /* MADV_PAGEOUT */
#define BATCH 512

/* glib.h has it; a key that is missing is 0. */
int g_key_file_get_integer(GKeyFile *file, const char *group, const char *key, void **error);

struct own {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    int most_mb; /* of [task]: no more than so much in a round */
    unsigned long rounds, cold, out;
};

/* False when the task is to stop. */
static bool rest(struct own *own, int seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&own->lock);
    while (!own->stopping && pthread_cond_timedwait(&own->wake, &own->lock, &until) == 0) continue;
    bool go = !own->stopping;
    pthread_mutex_unlock(&own->lock);
    return go;
}

/* Adds one look to the list: which pages were accessed since the last one. */
static int look(struct task *task, struct page_refs **refs)
{
    struct vmas *vmas = etmemd_get_vmas(task->value, NULL, 0, true);
    int failed = vmas == NULL ? -1 : etmemd_get_page_refs(vmas, task->value, refs, task->swap_flag);
    etmemd_free_vmas(vmas);
    return failed;
}

static unsigned long page_out(int pidfd, struct iovec *pages, int count)
{
    long done = count == 0 ? 0 : syscall(SYS_process_madvise, pidfd, pages, count, ADVICE_PAGEOUT, 0);
    return done < 0 ? 0 : (unsigned long)done;
}

static void move(struct own *own, int pidfd, const struct page_refs *refs)
{
    struct iovec pages[BATCH];
    unsigned long left = (unsigned long)own->most_mb << 20, cold = 0, out = 0;
    int count = 0;
    for (; refs != NULL && left > 0; refs = refs->next) {
        size_t bytes = refs->type == PMD_TYPE ? 2 << 20 : 4096;
        if (refs->count > 0 || bytes > left) continue;
        pages[count++] = (struct iovec){ (void *)refs->addr, bytes };
        left -= bytes;
        cold += bytes;
        if (count == BATCH) out += page_out(pidfd, pages, count), count = 0;
    }
    out += page_out(pidfd, pages, count);
    pthread_mutex_lock(&own->lock);
    own->rounds++, own->cold = cold, own->out += out;
    pthread_mutex_unlock(&own->lock);
}

static void *run(void *given)
{
    struct task *task = given;
    struct own *own = task->params;
    struct page_scan *scan = task->eng->proj->scan_param;
    int pidfd = (int)syscall(SYS_pidfd_open, atoi(task->value), 0);
    if (pidfd < 0) fprintf(stderr, "%s: there is no process %s\n", task->name, task->value);
    while (pidfd >= 0) {
        struct page_refs *refs = NULL;
        int failed = look(task, &refs); /* what was accessed before this round does not count */
        etmemd_free_page_refs(refs);
        refs = NULL;
        for (int i = 0; i < scan->loop && failed == 0 && rest(own, scan->interval); i++) failed = look(task, &refs);
        if (failed != 0) perror("etmemd_get_page_refs");
        else move(own, pidfd, refs);
        etmemd_free_page_refs(refs);
        if (!rest(own, scan->sleep)) break;
    }
    if (pidfd >= 0) close(pidfd);
    return NULL;
}

static int fill_task(GKeyFile *file, struct task *task)
{
    int most_mb = g_key_file_get_integer(file, "task", "most_mb", NULL);
    if (most_mb <= 0 || strcmp(task->type, "pid") != 0) {
        fprintf(stderr, "%s: type=pid, and most_mb=MEGABYTES above 0\n", task->name);
        return -1;
    }
    struct own *own = calloc(1, sizeof(*own));
    if (own == NULL) return -1;
    own->most_mb = most_mb;
    pthread_mutex_init(&own->lock, NULL);
    pthread_cond_init(&own->wake, NULL);
    task->params = own;
    return 0;
}

static void clear_task(struct task *task)
{
    free(task->params);
    task->params = NULL;
}

static int start(struct engine *eng, struct task *task)
{
    (void)eng;
    struct own *own = task->params;
    own->stopping = false;
    etmemd_scan_init(); /* -1 where another task was first */
    return pthread_create(&own->thread, NULL, run, task);
}

static void stop(struct engine *eng, struct task *task)
{
    (void)eng;
    struct own *own = task->params;
    pthread_mutex_lock(&own->lock);
    own->stopping = true;
    pthread_cond_signal(&own->wake);
    pthread_mutex_unlock(&own->lock);
    pthread_join(own->thread, NULL);
}

static int command(struct engine *eng, struct task *task, char *word, int fd)
{
    if (strcmp(word, "report") != 0) return -1;
    for (struct task *each = eng->tasks; each != NULL; each = each->next) {
        struct own *own = each->params;
        if (task != NULL && task != each) continue;
        pthread_mutex_lock(&own->lock);
        dprintf(fd, "%s: %lu rounds, %lu KiB cold in the last, %lu KiB paged out\n", each->name, own->rounds, own->cold >> 10, own->out >> 10);
        pthread_mutex_unlock(&own->lock);
    }
    return 0;
}

struct engine_ops idle_engine_ops = {
    .fill_task_params = fill_task, .clear_task_params = clear_task, .start_task = start, .stop_task = stop, .eng_mgt_func = command,
};
