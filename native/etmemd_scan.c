/* SPDX-License-Identifier: MulanPSL-2.0
 * The six functions of libetmemd_scan: idle_pages where openEuler's module is, else the daemon's own tracker.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "scan.h"

#define IDLE_SCAN_ADD_FLAGS _IOW(0x66, 0, uint32_t)
#define VMA_SCAN_ADD_FLAGS _IOW(0x66, 2, uint32_t)
#define KNOWN_FLAGS (VMA_SCAN_FLAG | SCAN_AS_HUGE | SCAN_IGN_HOST)

static atomic_bool initialised;

int etmemd_scan_init(void)
{
    return atomic_exchange(&initialised, true) ? -1 : 0;
}

void etmemd_scan_exit(void)
{
    atomic_store(&initialised, false);
}

/* The file of a process is there without the module too: opening it says what is missing. */
static bool is_module_missing(int reason)
{
    return reason == ENOENT || reason == ENODEV || reason == ENXIO;
}

static int set_flags(int fd, uint32_t flags)
{
    uint32_t guest = flags & ~VMA_SCAN_FLAG, marked = flags & VMA_SCAN_FLAG;
    if (guest != 0 && ioctl(fd, IDLE_SCAN_ADD_FLAGS, &guest) < 0) return -1;
    return marked != 0 && ioctl(fd, VMA_SCAN_ADD_FLAGS, &marked) < 0 ? -1 : 0;
}

static int see(const char *pid, const struct vma *areas, int flags, struct page_refs **found)
{
    int fd = open_of_process(pid, "idle_pages");
    if (fd < 0) return is_module_missing(errno) ? ask_tracker(pid, areas, flags, found) : -1;
    int failed = set_flags(fd, (uint32_t)flags) < 0 ? -1 : read_idle_pages(fd, areas, found), reason = errno;
    close(fd);
    errno = reason;
    return failed;
}

int etmemd_get_page_refs(const struct vmas *vmas, const char *pid, struct page_refs **page_refs, int flags)
{
    struct page_refs *found = NULL;
    if (!atomic_load(&initialised) || vmas == NULL || pid == NULL || page_refs == NULL) {
        errno = EINVAL;
        return -1;
    }
    if (see(pid, vmas->vma_list, flags & (int)KNOWN_FLAGS, &found) < 0) {
        int reason = errno;
        etmemd_free_page_refs(found);
        errno = reason;
        return -1;
    }
    merge_pages(page_refs, found);
    return 0;
}
