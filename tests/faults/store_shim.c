/* Loaded before the C library: a disk that fails on command. The command is a file that exists:
   $SHIM_SYNC: nothing can be made durable; $SHIM_WRITE: nothing can be written (an I/O error);
   $SHIM_READONLY: the file system has become read-only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static int commanded(const char *name)
{
    const char *file = getenv(name);
    return file && access(file, F_OK) == 0;
}

static int sync_with(const char *name, int fd)
{
    if (commanded("SHIM_SYNC")) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

static int refused_write(void)
{
    if (commanded("SHIM_WRITE"))
        return errno = EIO;
    return commanded("SHIM_READONLY") ? (errno = EROFS) : 0;
}

typedef ssize_t (*writer)(int, const void *, size_t, off64_t);

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
    return refused_write() ? -1 : ((writer)dlsym(RTLD_NEXT, "pwrite64"))(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
    return refused_write() ? -1 : ((writer)dlsym(RTLD_NEXT, "pwrite64"))(fd, bytes, count, at);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    if ((flags & O_CREAT) && commanded("SHIM_READONLY")) {
        errno = EROFS;
        return -1;
    }
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64"))(path, flags, mode);
}
