/* SPDX-License-Identifier: MulanPSL-2.0
 * What the files of libetmemd_scan know of each other.
 */
#ifndef ETMEMD_SCAN_PRIVATE_H
#define ETMEMD_SCAN_PRIVATE_H

#include <stddef.h>

#include "etmem.h"

/* Opens a file of a process, read-only. -1 with errno; EINVAL where the pid is no number. */
int open_of_process(const char *pid, const char *file);

/* The end of an ascending list that is being built, or the place in it where the next page belongs. */
struct page_cursor {
    struct page_refs **at;
};

/* Adds a page to the list behind the cursor, which must not lie behind the page; counts of a page that is there add up. -1 with ENOMEM. */
int add_page(struct page_cursor *cursor, uint64_t addr, int count, enum page_type type);

/* Adds the pages of `found` to the list and takes them away from it; cannot fail. */
void merge_pages(struct page_refs **list, struct page_refs *found);

/* Bytes of a page of each type. */
uint64_t bytes_of(enum page_type type);

/* The first area, from `vma` on, that ends behind `addr`; NULL where there is none. */
const struct vma *area_behind(const struct vma *vma, uint64_t addr);

/* Reads a process's idle_pages over the areas. -1 with errno. */
int read_idle_pages(int fd, const struct vma *areas, struct page_refs **found);

/* Asks the daemon's own tracker. -1 with errno; ENODEV where nobody can be asked. */
int ask_tracker(const char *pid, const struct vma *areas, int flags, struct page_refs **found);

#endif
