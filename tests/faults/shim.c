/* A library for LD_PRELOAD that makes the disk below one folder fail, as it is told while the
 * program runs: see shim.py, which builds it and writes the control block that is mapped here. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    SYNC = 1,
    WRITE = 2,
    TRUNCATE = 4,
    RENAME = 8,
    LINK = 16,
    CREATE = 32,
    UNLINK = 64,
    FOLDER = 128,
    TIMES = 256,
    OPEN_WRITE = 512,
    READ = 1024,
};

/* Same layout as `_FORMAT` of shim.py. */
struct control {
    int64_t kinds;   /* which calls are watched */
    int64_t error;   /* errno that they meet; 0 only counts */
    int64_t first;   /* the first call that fails, from 1 */
    int64_t last;    /* the last one */
    int64_t seen;    /* watched calls so far */
    int64_t failed;  /* of them failed */
    int64_t limited; /* whether `room` counts */
    int64_t room;    /* bytes by which files may still grow */
    char folder[512];
    char needle[128];
};

static struct control *control;
static __thread int inside;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_SHIM_CONTROL");
    int descriptor = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor < 0) return;
    void *found = mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (found != MAP_FAILED) control = found;
}

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }
#define NEXT(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))next(#name)

static int ours(const char *path) {
    size_t length = strlen(control->folder);
    if (!length || strncmp(path, control->folder, length)) return 0;
    if (path[length] && path[length] != '/') return 0;
    size_t wanted = strlen(control->needle), rest = strlen(path + length);
    if (wanted && control->needle[wanted - 1] == '$') /* the end of the path */
        return rest >= wanted - 1 &&
               !strncmp(path + length + rest - (wanted - 1), control->needle, wanted - 1);
    return !wanted || strstr(path + length, control->needle) != 0;
}

static int resolve(int folder, const char *path, char *into, size_t size) {
    char link[64];
    if (path && path[0] == '/') {
        strncpy(into, path, size - 1);
        into[size - 1] = 0;
        return 1;
    }
    if (folder == AT_FDCWD)
        strcpy(link, "/proc/self/cwd");
    else {
        char digits[16], *at = digits + sizeof digits;
        *--at = 0;
        unsigned number = (unsigned)folder;
        do *--at = (char)('0' + number % 10);
        while (number /= 10);
        strcpy(link, "/proc/self/fd/");
        strcat(link, at);
    }
    ssize_t length = readlink(link, into, size - 1);
    if (length < 0) return 0;
    into[length] = 0;
    if (path && (size_t)length + strlen(path) + 2 < size) {
        strcat(into, "/");
        strcat(into, path);
    }
    return 1;
}

/* Whether this call is to fail; errno is set then. */
static int fails(int kind, int folder, const char *path) {
    char full[4096];
    if (!control || !(control->kinds & kind) || inside) return 0;
    int before = errno;
    inside = 1;
    int matches = resolve(folder, path, full, sizeof full) && ours(full);
    inside = 0;
    errno = before;
    if (!matches) return 0;
    int64_t number = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
    if (!control->error || number < control->first || number > control->last) return 0;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
    errno = (int)control->error;
    return 1;
}

static int below(int descriptor) {
    char full[4096];
    size_t length = strlen(control->folder);
    return resolve(descriptor, 0, full, sizeof full) && !strncmp(full, control->folder, length);
}

/* How many of `size` bytes may be written at `place` (-1: where the descriptor stands). */
static size_t room(int descriptor, size_t size, off_t place) {
    struct stat found;
    int before = errno;
    if (!control || !control->limited || fstat(descriptor, &found) || !S_ISREG(found.st_mode) ||
        !below(descriptor)) {
        errno = before;
        return size;
    }
    if (place < 0) place = fcntl(descriptor, F_GETFL) & O_APPEND ? found.st_size
                                                               : lseek(descriptor, 0, SEEK_CUR);
    errno = before;
    int64_t growth = (int64_t)place + (int64_t)size - (int64_t)found.st_size;
    if (growth <= 0) return size;
    int64_t left = __atomic_load_n(&control->room, __ATOMIC_SEQ_CST);
    int64_t taken;
    do {
        taken = left <= 0 ? 0 : growth < left ? growth : left;
    } while (!__atomic_compare_exchange_n(&control->room, &left, left - taken, 0, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    return (size_t)((int64_t)size - growth + taken);
}

#define REFUSE(kind, folder, path) \
    if (fails(kind, folder, path)) return -1
#define ROOM(size, place) \
    size_t allowed = room(descriptor, size, place); \
    if (!allowed && (size)) { \
        errno = ENOSPC; \
        return -1; \
    }

int fsync(int descriptor) {
    NEXT(fsync);
    REFUSE(SYNC, descriptor, 0);
    return real(descriptor);
}

int fdatasync(int descriptor) {
    NEXT(fdatasync);
    REFUSE(SYNC, descriptor, 0);
    return real(descriptor);
}

ssize_t write(int descriptor, const void *data, size_t size) {
    NEXT(write);
    REFUSE(WRITE, descriptor, 0);
    ROOM(size, -1);
    return real(descriptor, data, allowed);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t place) {
    NEXT(pwrite);
    REFUSE(WRITE, descriptor, 0);
    ROOM(size, place);
    return real(descriptor, data, allowed, place);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t place) {
    NEXT(pwrite64);
    REFUSE(WRITE, descriptor, 0);
    ROOM(size, place);
    return real(descriptor, data, allowed, place);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    NEXT(writev);
    REFUSE(WRITE, descriptor, 0);
    return real(descriptor, parts, count);
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t place) {
    NEXT(pwritev);
    REFUSE(WRITE, descriptor, 0);
    return real(descriptor, parts, count, place);
}

ssize_t pread64(int descriptor, void *data, size_t size, off64_t place) {
    NEXT(pread64);
    REFUSE(READ, descriptor, 0);
    return real(descriptor, data, size, place);
}

int ftruncate(int descriptor, off_t size) {
    NEXT(ftruncate);
    REFUSE(TRUNCATE, descriptor, 0);
    return real(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
    NEXT(ftruncate64);
    REFUSE(TRUNCATE, descriptor, 0);
    return real(descriptor, size);
}

int rename(const char *from, const char *to) {
    NEXT(rename);
    REFUSE(RENAME, AT_FDCWD, to);
    return real(from, to);
}

int renameat(int folder, const char *from, int into, const char *to) {
    NEXT(renameat);
    REFUSE(RENAME, into, to);
    return real(folder, from, into, to);
}

int link(const char *from, const char *to) {
    NEXT(link);
    REFUSE(LINK, AT_FDCWD, to);
    return real(from, to);
}

int linkat(int folder, const char *from, int into, const char *to, int flags) {
    NEXT(linkat);
    REFUSE(LINK, into, to);
    return real(folder, from, into, to, flags);
}

int unlink(const char *path) {
    NEXT(unlink);
    REFUSE(UNLINK, AT_FDCWD, path);
    return real(path);
}

int unlinkat(int folder, const char *path, int flags) {
    NEXT(unlinkat);
    REFUSE(UNLINK, folder, path);
    return real(folder, path, flags);
}

int rmdir(const char *path) {
    NEXT(rmdir);
    REFUSE(UNLINK, AT_FDCWD, path);
    return real(path);
}

int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir);
    if (access(path, F_OK)) REFUSE(FOLDER, AT_FDCWD, path);
    return real(path, mode);
}

int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    NEXT(utimensat);
    REFUSE(TIMES, folder, path);
    return real(folder, path, times, flags);
}

int futimens(int descriptor, const struct timespec times[2]) {
    NEXT(futimens);
    REFUSE(TIMES, descriptor, 0);
    return real(descriptor, times);
}

static int opening(int folder, const char *path, int flags) {
    int missing = (flags & O_CREAT) && faccessat(folder, path, F_OK, 0);
    if (missing || (flags & O_TMPFILE) == O_TMPFILE) return fails(CREATE, folder, path);
    return (flags & O_ACCMODE) != O_RDONLY && fails(OPEN_WRITE, folder, path);
}

#define OPENED(name) \
    NEXT(name); \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }

int open(const char *path, int flags, ...) {
    OPENED(open);
    return opening(AT_FDCWD, path, flags) ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    OPENED(open64);
    return opening(AT_FDCWD, path, flags) ? -1 : real(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    OPENED(openat);
    return opening(folder, path, flags) ? -1 : real(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
    OPENED(openat64);
    return opening(folder, path, flags) ? -1 : real(folder, path, flags, mode);
}

#define VOLUME(name, type) \
    int name(const char *path, struct type *found) { \
        NEXT(name); \
        int answer = real(path, found); \
        if (!answer && control && control->limited && \
            !strncmp(path, control->folder, strlen(control->folder))) { \
            int64_t left = control->room < 0 ? 0 : control->room; \
            found->f_bavail = found->f_bfree = (fsblkcnt_t)(left / (int64_t)found->f_frsize); \
        } \
        return answer; \
    }

VOLUME(statvfs, statvfs)
VOLUME(statvfs64, statvfs64)
