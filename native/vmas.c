/* SPDX-License-Identifier: MulanPSL-2.0
 * The memory areas of a process, as maps and smaps tell them.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scan.h"

/* Where the kernel's files are, if not at their usual place. Not believed in a program with more rights than who calls it. */
#define PROC_VARIABLE "ETMEM_PROC"
#define FLAG_LETTERS 2

int open_of_process(const char *pid, const char *file)
{
    const char *root = secure_getenv(PROC_VARIABLE);
    char path[4096];
    if (pid == NULL || *pid == '\0' || strlen(pid) > 10 || pid[strspn(pid, "0123456789")] != '\0') {
        errno = EINVAL;
        return -1;
    }
    if (snprintf(path, sizeof(path), "%s/%s/%s", root != NULL && *root != '\0' ? root : "/proc", pid, file) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_RDONLY | O_CLOEXEC);
}

const struct vma *area_behind(const struct vma *vma, uint64_t addr)
{
    while (vma != NULL && vma->end <= addr) vma = vma->next;
    return vma;
}

static bool reads_as_area(const char *line, struct vma *vma)
{
    char perms[5];
    int path_at = 0;
    memset(vma, 0, sizeof(*vma));
    int fields = sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %" SCNx64 ":%" SCNx64 " %" SCNu64 " %n", &vma->start, &vma->end, perms,
                        &vma->offset, &vma->major, &vma->minor, &vma->inode, &path_at);
    if (fields != 7) return false;
    vma->stat = (struct vma_stat){.read = perms[0] == 'r', .write = perms[1] == 'w', .exec = perms[2] == 'x', .may_share = perms[3] != 'p'};
    size_t length = strcspn(line + path_at, " \n");
    if (length < sizeof(vma->path)) memcpy(vma->path, line + path_at, length);
    return true;
}

static bool is_anonymous(const struct vma *vma)
{
    return !vma->stat.may_share && !vma->stat.exec && (vma->inode == 0 || vma->stat.write);
}

static bool has_flags(const char *line, char *const flags[], int n)
{
    for (int i = 0; i < n; i++) {
        const char *found = line;
        do {
            found = strstr(found + 1, flags[i]);
        } while (found != NULL && (found[-1] != ' ' || (found[FLAG_LETTERS] != ' ' && found[FLAG_LETTERS] != '\n' && found[FLAG_LETTERS] != '\0')));
        if (found == NULL) return false;
    }
    return true;
}

static bool are_flags(char *const flags[], int n)
{
    if (n < 0 || (n > 0 && flags == NULL)) return false;
    for (int i = 0; i < n; i++) {
        if (flags[i] == NULL || strlen(flags[i]) != FLAG_LETTERS) return false;
        if (isspace((unsigned char)flags[i][0]) || isspace((unsigned char)flags[i][1])) return false;
    }
    return true;
}

struct wanted {
    char *const *flags;
    int n;
    bool anon_only;
};

static int append(struct vmas *vmas, struct vma **last, const struct vma *area)
{
    struct vma *copy = malloc(sizeof(*copy));
    if (copy == NULL) return -1;
    *copy = *area;
    if (*last == NULL) vmas->vma_list = copy;
    else (*last)->next = copy;
    *last = copy;
    vmas->vma_cnt++;
    return 0;
}

/* In smaps the flags of an area are the last of its lines. */
static int take_areas(FILE *file, const struct wanted *wanted, struct vmas *vmas)
{
    char *line = NULL;
    size_t room = 0;
    struct vma area, line_area, *last = NULL;
    bool open = false;
    int failed = 0;
    while (!failed && getline(&line, &room, file) >= 0) {
        bool begins = reads_as_area(line, &line_area);
        if (begins) area = line_area;
        open = begins || open;
        bool chosen = wanted->n == 0 ? begins : open && strncmp(line, "VmFlags:", 8) == 0 && has_flags(line, wanted->flags, wanted->n);
        if (chosen && (!wanted->anon_only || is_anonymous(&area))) failed = append(vmas, &last, &area);
    }
    if (ferror(file)) failed = -1;
    free(line);
    return failed;
}

struct vmas *etmemd_get_vmas(const char *pid, char *vmflags_array[], int vmflags_num, bool is_anon_only)
{
    struct wanted wanted = {.flags = vmflags_array, .n = vmflags_num, .anon_only = is_anon_only};
    if (!are_flags(vmflags_array, vmflags_num)) {
        errno = EINVAL;
        return NULL;
    }
    int fd = open_of_process(pid, vmflags_num > 0 ? "smaps" : "maps");
    if (fd < 0) return NULL;
    FILE *file = fdopen(fd, "r");
    struct vmas *vmas = calloc(1, sizeof(*vmas));
    int failed = file == NULL || vmas == NULL ? -1 : take_areas(file, &wanted, vmas), reason = errno;
    if (file != NULL) fclose(file);
    else close(fd);
    if (!failed) return vmas;
    etmemd_free_vmas(vmas);
    errno = reason;
    return NULL;
}

void etmemd_free_vmas(struct vmas *vmas)
{
    if (vmas == NULL) return;
    for (struct vma *vma = vmas->vma_list; vma != NULL;) {
        struct vma *next = vma->next;
        free(vma);
        vma = next;
    }
    free(vmas);
}
