/* SPDX-License-Identifier: MulanPSL-2.0
 * Reads openEuler's idle_pages: 0xA0 and 8 bytes, big-endian, are the address of what follows; any other byte has a kind of page in its high
 * nibble and a number of them in its low one. Reading tells of accesses and clears them; the TLB is flushed when the file is closed.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "scan.h"

#define SET_ADDRESS 0xa0
#define ADDRESS_BYTES 8
/* The smallest read that the kernel answers. */
#define LEAST_READ 20u
/* 8 pages of address space for each byte, while the target's memory map is locked for reading. */
#define MOST_READ 16384u
/* With less room left the kernel may have stopped for want of it. */
#define FULL_ROOM (LEAST_READ + 4)

enum weight { IDLE = 0, READ = 1, WRITTEN = 3, NOTHING = -1 };

/* By kind; a kind that is not there ends the scan. NOT_LOOKED is 2 MiB in base pages, of which the kernel says that they are idle. */
static const struct kind {
    enum page_type type;
    enum weight weight;
} kinds[] = {
    {PTE_TYPE, READ}, {PMD_TYPE, READ}, {PUD_TYPE, READ}, {PTE_TYPE, WRITTEN}, {PMD_TYPE, WRITTEN},
    {PTE_TYPE, IDLE}, {PMD_TYPE, IDLE}, {PMD_TYPE, NOTHING}, {PTE_TYPE, NOTHING}, {PMD_TYPE, NOTHING},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct scan {
    int fd;
    const struct vma *area; /* the first that may still have pages */
    struct page_cursor cursor;
    uint64_t end;    /* behind all that was said */
    uint64_t cut_at; /* where the read before ran out of room, else 0 */
};

static int damaged(void)
{
    errno = EIO;
    return -1;
}

/* A page at which the kernel ran out of room has lost its bit before it was told: it may have been accessed. */
static int take(struct scan *scan, uint64_t addr, unsigned char byte, bool doubtful)
{
    struct kind kind = kinds[byte >> 4];
    unsigned pages = byte & 15;
    uint64_t size = bytes_of(kind.type);
    for (unsigned i = 0; i < pages && kind.weight != NOTHING; i++, addr += size) {
        scan->area = area_behind(scan->area, addr);
        if (scan->area == NULL) return 0;
        if (scan->area->start >= addr + size) continue;
        int count = doubtful && i == 0 && kind.weight == IDLE ? READ : (int)kind.weight;
        if (add_page(&scan->cursor, addr, count, kind.type) < 0) return -1;
    }
    return 0;
}

static uint64_t address_at(const unsigned char *bytes)
{
    uint64_t addr = 0;
    for (int i = 0; i < ADDRESS_BYTES; i++) addr = addr << 8 | bytes[i];
    return addr;
}

/* Zero bytes stand between what a sparse file holds, and end a run. */
static int decode(struct scan *scan, const unsigned char *bytes, size_t length)
{
    uint64_t addr = 0, huge = bytes_of(PMD_TYPE);
    bool known = false, doubtful = false;
    for (size_t at = 0; at < length;) {
        unsigned char byte = bytes[at];
        if (byte == SET_ADDRESS) {
            if (at + 1 + ADDRESS_BYTES > length) return damaged();
            uint64_t next = address_at(bytes + at + 1);
            if (next % bytes_of(PTE_TYPE) != 0 || next + huge < scan->end) return damaged();
            doubtful = (scan->cut_at != 0 && next == scan->cut_at) || (known && next == addr);
            addr = next;
            known = true;
            at += 1 + ADDRESS_BYTES;
        } else if (byte == 0) {
            known = false;
            at++;
        } else {
            if (!known || byte >> 4 >= (int)KINDS || (byte & 15) == 0) return damaged();
            if (addr % bytes_of(kinds[byte >> 4].type) != 0) return damaged();
            if (take(scan, addr, byte, doubtful) < 0) return -1;
            addr += bytes_of(kinds[byte >> 4].type) * (byte & 15);
            doubtful = false;
            scan->cut_at = 0;
            at++;
        }
        if (known && addr > scan->end) scan->end = addr;
    }
    return 0;
}

struct answer {
    size_t bytes, room;
    uint64_t position;
};

/* One read at an address; where the room asks for more than the address space has the kernel answers nothing and stands still: then with less. */
static int read_at(int fd, uint64_t from, unsigned char *into, struct answer *answer)
{
    for (;;) {
        if (lseek(fd, (off_t)from, SEEK_SET) < 0) return -1;
        ssize_t bytes = read(fd, into, answer->room);
        if (bytes < 0) return -1;
        off_t position = lseek(fd, 0, SEEK_CUR);
        if (position < 0) return -1;
        answer->bytes = (size_t)bytes;
        answer->position = (uint64_t)position;
        if (bytes > 0 || answer->position > from || answer->room == LEAST_READ) return 0;
        answer->room = answer->room / 2 > LEAST_READ ? answer->room / 2 : LEAST_READ;
    }
}

/* Room for the pages of an area, each different from the one before, and for addresses between them. */
static size_t room_for(uint64_t bytes)
{
    uint64_t room = bytes / bytes_of(PTE_TYPE) + 64;
    return room < MOST_READ ? (size_t)room : MOST_READ;
}

/* Reads on until the area is covered. What lies beyond it is read with it, and belongs to the areas that follow. */
static int cover(struct scan *scan, const struct vma *area, uint64_t *at, unsigned char *buffer)
{
    if (*at < area->start) *at = area->start;
    while (*at < area->end) {
        struct answer answer = {.room = room_for(area->end - *at)};
        if (read_at(scan->fd, *at, buffer, &answer) < 0 || decode(scan, buffer, answer.bytes) < 0) return -1;
        scan->cut_at = answer.bytes + FULL_ROOM > answer.room ? scan->end : 0;
        uint64_t base = bytes_of(PTE_TYPE), reached = (answer.position + base - 1) / base * base;
        if (scan->end > reached) reached = scan->end;
        *at = reached > *at ? reached : area->end;
    }
    return 0;
}

int read_idle_pages(int fd, const struct vma *areas, struct page_refs **found)
{
    struct scan scan = {.fd = fd, .area = areas, .cursor = {found}};
    unsigned char *buffer = malloc(MOST_READ);
    uint64_t at = 0;
    int failed = buffer == NULL ? -1 : 0;
    for (const struct vma *area = areas; area != NULL && !failed; area = area->next) {
        if (area->end <= area->start || (area->next != NULL && area->next->start < area->end)) {
            errno = EINVAL;
            failed = -1;
        } else {
            failed = cover(&scan, area, &at, buffer);
        }
    }
    free(buffer);
    return failed;
}
