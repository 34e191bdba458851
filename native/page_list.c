/* SPDX-License-Identifier: MulanPSL-2.0
 * Lists of pages, ascending. Each page is an allocation of its own: libraries may take pages out and free them.
 */
#include <stdlib.h>
#include <unistd.h>

#include "scan.h"

int add_page(struct page_cursor *cursor, uint64_t addr, int count, enum page_type type)
{
    while (*cursor->at != NULL && (*cursor->at)->addr < addr) cursor->at = &(*cursor->at)->next;
    struct page_refs *here = *cursor->at;
    if (here != NULL && here->addr == addr) {
        here->count += count;
        here->type = type;
        return 0;
    }
    struct page_refs *page = malloc(sizeof(*page));
    if (page == NULL) return -1;
    *page = (struct page_refs){.addr = addr, .count = count, .type = type, .next = here};
    *cursor->at = page;
    return 0;
}

void merge_pages(struct page_refs **list, struct page_refs *found)
{
    while (found != NULL) {
        struct page_refs *page = found;
        found = found->next;
        while (*list != NULL && (*list)->addr < page->addr) list = &(*list)->next;
        if (*list != NULL && (*list)->addr == page->addr) {
            (*list)->count += page->count;
            (*list)->type = page->type;
            free(page);
        } else {
            page->next = *list;
            *list = page;
        }
    }
}

void etmemd_free_page_refs(struct page_refs *pf)
{
    while (pf != NULL) {
        struct page_refs *next = pf->next;
        free(pf);
        pf = next;
    }
}

uint64_t bytes_of(enum page_type type)
{
    uint64_t base = (uint64_t)sysconf(_SC_PAGESIZE), entries = base / sizeof(uint64_t);
    return type == PUD_TYPE ? base * entries * entries : type == PMD_TYPE ? base * entries : base;
}
