/* Preloaded into a program: a disk that keeps what was synced and no more, that fails when told to, and a clock that jumps.

   Of files below $BAD_DISK_FOLDER, what fsync and fdatasync were asked for is copied to $BAD_DISK_RECORD: files/KEY has the
   bytes of a file, folders/KEY the lines "KEY NAME" of a folder, where a KEY names an inode, and begins with d for a folder.
   The real disk is not asked: the record stands for it. $BAD_DISK_CONTROL is the struct below, which tests write and all processes share. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    _Atomic int64_t clock_shift_s;
    _Atomic uint64_t seed;    /* of chance; counts calls */
    _Atomic uint32_t failing; /* calls of a million that fail */
    _Atomic int32_t error;    /* what with, as errno has it */
    _Atomic uint64_t failed;  /* how many have failed */
};

static struct control idle;
static struct control* control = &idle;
static const char *folder = "", *record = "";

__attribute__((constructor)) static void begin(void)
{
    const char* path = getenv("BAD_DISK_CONTROL");
    if (path == NULL)
        return;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void* const shared = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED)
        return;
    control = shared;
    folder = getenv("BAD_DISK_FOLDER");
    record = getenv("BAD_DISK_RECORD");
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (real == NULL) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* ---- which files ---- */

static int is_below(const char* path)
{
    const size_t length = strlen(folder);
    return length && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int is_watched(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = '\0';
    return is_below(path);
}

static int fails(void)
{
    if (control->failing == 0)
        return 0;
    uint64_t x = atomic_fetch_add(&control->seed, 1) * 0x9E3779B97F4A7C15u; /* splitmix64 */
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return (x ^ (x >> 31)) % 1000000 < control->failing;
}

static int fail(void)
{
    atomic_fetch_add(&control->failed, 1);
    errno = control->error;
    return -1;
}

#define FAIL_AT(condition) \
    if (control->failing && (condition) && fails()) \
    return fail()

/* ---- what lasts ---- */

/* Write what names an inode: its number alone may be used again. */
static int key_of(int at, const char* name, char* key, size_t size)
{
    struct statx found;
    const int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(at, name, flags, STATX_TYPE | STATX_INO | STATX_BTIME, &found) != 0)
        return -1;
    snprintf(key, size, "%c%llu-%lld.%u", S_ISDIR(found.stx_mode) ? 'd' : 'f', (unsigned long long)found.stx_ino, (long long)found.stx_btime.tv_sec,
        found.stx_btime.tv_nsec);
    return 0;
}

/* For the tests. */
int bad_disk_key(const char* path, char* key, size_t size) { return key_of(AT_FDCWD, path, key, size); }

/* Descriptors for the record: the program may have all that it may when it syncs. */
static _Atomic int spares[4];

static void take_spares(void)
{
    for (size_t at = 0; at < sizeof spares / sizeof *spares; ++at)
        if (spares[at] == 0) {
            const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
            spares[at] = fd > 0 ? fd : 0;
        }
}

static int open_always(const char* path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    for (size_t at = 0; fd < 0 && at < sizeof spares / sizeof *spares; ++at) {
        const int spare = atomic_exchange(&spares[at], 0);
        if (spare == 0)
            continue;
        close(spare);
        fd = open(path, flags | O_CLOEXEC, 0600);
    }
    if (fd < 0)
        abort();
    return fd;
}

static void copy_bytes(int from, int to)
{
    REAL(write);
    char piece[1 << 16];
    off_t at = 0;
    ssize_t got;
    while ((got = pread(from, piece, sizeof piece, at)) > 0) {
        if (real(to, piece, (size_t)got) != got)
            abort();
        at += got;
    }
}

static void copy_names(int from, int to)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", from);
    DIR* const names = fdopendir(open_always(link, O_RDONLY | O_DIRECTORY));
    if (names == NULL)
        abort();
    char key[64];
    for (struct dirent* entry; (entry = readdir(names)) != NULL;)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && key_of(from, entry->d_name, key, sizeof key) == 0)
            dprintf(to, "%s %s\n", key, entry->d_name);
    closedir(names);
}

static int keep(int fd)
{
    FAIL_AT(is_watched(fd));
    char key[64], unfinished[PATH_MAX], target[PATH_MAX];
    take_spares();
    if (!is_watched(fd) || key_of(fd, "", key, sizeof key) != 0)
        return 0;
    const int of_folder = key[0] == 'd';
    static _Atomic unsigned count;
    snprintf(target, sizeof target, "%s/%s/%s", record, of_folder ? "folders" : "files", key);
    snprintf(unfinished, sizeof unfinished, "%s/%d.%u", record, getpid(), atomic_fetch_add(&count, 1));
    const int to = open_always(unfinished, O_WRONLY | O_CREAT | O_TRUNC);
    if (of_folder)
        copy_names(fd, to);
    else if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY)
        copy_bytes(fd, to); /* with this one: closing another descriptor of a file would give up the locks on it */
    else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        const int from = open_always(link, O_RDONLY);
        copy_bytes(from, to);
        close(from);
    }
    close(to);
    take_spares();
    REAL(rename);
    return real(unfinished, target);
}

int fsync(int fd) { return keep(fd); }
int fdatasync(int fd) { return keep(fd); }

/* ---- what fails ---- */

ssize_t write(int fd, const void* data, size_t size)
{
    REAL(write);
    FAIL_AT(is_watched(fd));
    return real(fd, data, size);
}

ssize_t writev(int fd, const struct iovec* pieces, int count)
{
    REAL(writev);
    FAIL_AT(is_watched(fd));
    return real(fd, pieces, count);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at)
{
    REAL(pwrite);
    FAIL_AT(is_watched(fd));
    return real(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at)
{
    REAL(pwrite64);
    FAIL_AT(is_watched(fd));
    return real(fd, data, size, at);
}

int ftruncate(int fd, off_t size)
{
    REAL(ftruncate);
    FAIL_AT(is_watched(fd));
    return real(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    REAL(ftruncate64);
    FAIL_AT(is_watched(fd));
    return real(fd, size);
}

int rename(const char* from, const char* to)
{
    REAL(rename);
    FAIL_AT(is_below(to));
    return real(from, to);
}

int mkdir(const char* path, mode_t mode)
{
    REAL(mkdir);
    FAIL_AT(is_below(path));
    return real(path, mode);
}

/* ---- the time ---- */

int clock_gettime(clockid_t id, struct timespec* now)
{
    REAL(clock_gettime);
    const int done = real(id, now);
    if (done == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += control->clock_shift_s;
    return done;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone)
{
    REAL(gettimeofday);
    const int done = real(now, zone);
    now->tv_sec += control->clock_shift_s;
    return done;
}

time_t time(time_t* now)
{
    REAL(time);
    const time_t shifted = real(NULL) + control->clock_shift_s;
    if (now != NULL)
        *now = shifted;
    return shifted;
}
