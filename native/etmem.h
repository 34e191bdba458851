/* SPDX-License-Identifier: MulanPSL-2.0
 * For policies in C that etmemd loads (engine thirdparty), and for services that mark their own memory.
 * The layout of each struct is the one of etmem 1.x: libraries built for it need not be compiled again.
 */
#ifndef ETMEM_H
#define ETMEM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* madvise(2) advice of openEuler's kernels: with swap_flag=yes only marked memory is swapped out. Other kernels answer EINVAL. */
#ifndef MADV_SWAPFLAG
#define MADV_SWAPFLAG 203
#define MADV_SWAPFLAG_REMOVE 204
#endif

/* Flags of etmemd_get_page_refs. */
#define VMA_SCAN_FLAG 0x1000u     /* only memory marked with MADV_SWAPFLAG */
#define SCAN_AS_HUGE 0x1000000u   /* guests of KVM: 2 MiB at a time */
#define SCAN_IGN_HOST 0x2000000u  /* guests of KVM: accesses by the host do not count */

typedef struct _GKeyFile GKeyFile;

enum scan_type { PAGE_SCAN = 0, REGION_SCAN, PSI_SCAN };

enum engine_type {
    SLIDE_ENGINE = 0, CSLIDE_ENGINE, MEMDCD_ENGINE, DAMON_ENGINE, PSI_ENGINE, DYNAMIC_FB_ENGINE, HISTORICAL_FB_ENGINE, THIRDPARTY_ENGINE
};

enum page_type { PTE_TYPE = 0, PMD_TYPE, PUD_TYPE, PAGE_TYPE_INVAL };

struct engine;
struct engine_ops;
struct project;
struct task;

/* Seconds. */
struct page_scan {
    int interval;
    int loop;
    int sleep;
};

/* A process of a task; lists of them are made by libraries. */
struct task_pid {
    unsigned int pid;
    float rt_swapin_rate;
    void *params;
    struct task *tk;
    struct task_pid *next;
};

struct task {
    char *type;  /* "pid" or "name" */
    char *value;
    char *name;
    int max_threads;
    int swap_flag;
    struct task_pid *pids;
    struct engine *eng;
    void *params; /* the library's */
    void *task_pt;
    void *timer_inst;
    void *threadpool_inst;
    struct task *next;
};

struct engine {
    int engine_type; /* THIRDPARTY_ENGINE */
    char *name;
    void *params; /* the library's */
    struct project *proj;
    void *page_ref;
    struct engine_ops *ops;
    struct task *tasks;
    uint64_t page_cnt;
    struct engine *next;
    void *handler;
};

struct project {
    char *name;
    int type; /* enum scan_type */
    void *scan_param; /* struct page_scan */
    int sysmem_threshold; /* %; -1 if not set, as are the marks */
    int swapcache_high_wmark;
    int swapcache_low_wmark;
    bool start;
    bool wmark_set;
    struct engine *engs;
    void *entry;
};

/* What a library has in the variable that ops_name names. Functions that return int answer 0 if all is well. */
struct engine_ops {
    int (*fill_eng_params)(GKeyFile *config, struct engine *eng);
    void (*clear_eng_params)(struct engine *eng);
    int (*fill_task_params)(GKeyFile *config, struct task *task);
    void (*clear_task_params)(struct task *task);
    int (*start_task)(struct engine *eng, struct task *task);
    void (*stop_task)(struct engine *eng, struct task *task);
    int (*alloc_pid_params)(struct engine *eng, struct task_pid **task_pid);
    void (*free_pid_params)(struct engine *eng, struct task_pid **task_pid);
    /* What is written to fd is shown to the operator; task is NULL where the command names none. */
    int (*eng_mgt_func)(struct engine *eng, struct task *task, char *cmd, int fd);
};

/* libetmemd_scan.so: link with -letmemd_scan. All of it may be called from several threads at once. */

struct vma_stat {
    bool read;
    bool write;
    bool exec;
    bool may_share;
};

struct vma {
    uint64_t start;
    uint64_t end;
    struct vma_stat stat;
    uint64_t offset;
    uint64_t inode;
    char path[256];
    uint64_t major;
    uint64_t minor;
    struct vma *next;
};

struct vmas {
    uint64_t vma_cnt;
    struct vma *vma_list;
};

/* A page, in ascending order of addresses: how often it was seen accessed. */
struct page_refs {
    uint64_t addr;
    int count;
    enum page_type type;
    struct page_refs *next;
};

/* 0; -1 where it has been called before and etmemd_scan_exit not since. */
int etmemd_scan_init(void);
void etmemd_scan_exit(void);

/*
 * The memory areas of a process: all of them, or those that have each of the n flags (two letters, as in VmFlags of smaps); with anon_only those
 * that are neither shared nor executable nor a file that is only read. NULL with errno set where they cannot be read.
 */
struct vmas *etmemd_get_vmas(const char *pid, char *vmflags_array[], int vmflags_num, bool is_anon_only);
void etmemd_free_vmas(struct vmas *vmas);

/*
 * Which pages of these areas have been accessed since the last call: present pages are added to the list, or their counts to pages that are in it:
 * 1 for an access, 3 for a write where those can be told apart. -1 with errno set, and the list as it was: ENODEV where nothing here can see it,
 * EINVAL for arguments, EIO for damaged data, else as open(2), read(2) and ioctl(2) have it.
 */
int etmemd_get_page_refs(const struct vmas *vmas, const char *pid, struct page_refs **page_refs, int flags);
void etmemd_free_page_refs(struct page_refs *pf);

#ifdef __cplusplus
}
#endif

#endif
