// The checksum tools' two exports. Files come through WASI's preopened directories, the time
// from its clock, and a line about each call goes to its stdout.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "warder.h"

enum { MAX_FILES = 2000, MAX_DEPTH = 32 };

static const char DEFINITIONS[] =
#include "definitions.inc"
    ;

typedef struct {
  char *path;
  char sha256[65];
  char crc32[9];
  uint64_t size;
} file_t;

typedef struct {
  file_t *files;
  size_t count;
  size_t most;
  uint64_t bytes;
  bool cut;
} tree_t;

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/** Digests a file. 0, or an errno. */
static int hash_path(const char *path, file_t *file) {
  static char buffer[65536];
  int fd = open(path, O_RDONLY);
  if (fd < 0) return errno;
  digest_t digest;
  digest_start(&digest);
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) digest_feed(&digest, buffer, (size_t)got);
  int failed = got < 0 ? errno : 0;
  close(fd);
  if (failed) return failed;
  file->size = digest.length;
  digest_end(&digest, file->sha256, file->crc32);
  return 0;
}

static int32_t file_problem(const char *path, int error) {
  out_t out = {0};
  out_text(&out, path);
  out_text(&out, ": ");
  out_text(&out, strerror(error));
  if (error == ENOENT || error == ENOTCAPABLE || error == EACCES || error == EBADF) {
    out_text(&out, " (is its directory granted with --allow-read?)");
  }
  return warder_problem((text_t){out.at, out.length});
}

static void put_file(out_t *out, const file_t *file) {
  out_text(out, "{\"path\":");
  out_string(out, (text_t){file->path, strlen(file->path)});
  out_text(out, ",\"size\":");
  out_integer(out, (int64_t)file->size);
  out_text(out, ",\"sha256\":\"");
  out_text(out, file->sha256);
  out_text(out, "\",\"crc32\":\"");
  out_text(out, file->crc32);
  out_text(out, "\"}");
}

static int32_t hash_text(text_t args) {
  text_t text = json_text(json_get(args, "text"));
  if (text.at == NULL) return warder_fail(TEXT("hash_text needs a string `text`"));
  digest_t digest;
  char sha256[65], crc32[9];
  digest_start(&digest);
  digest_feed(&digest, text.at, text.length);
  digest_end(&digest, sha256, crc32);
  out_t people = {0}, out = {0};
  out_text(&people, "sha256 ");
  out_text(&people, sha256);
  out_text(&people, "\ncrc32 ");
  out_text(&people, crc32);
  out_text(&out, "{\"size\":");
  out_integer(&out, (int64_t)text.length);
  out_text(&out, ",\"sha256\":\"");
  out_text(&out, sha256);
  out_text(&out, "\",\"crc32\":\"");
  out_text(&out, crc32);
  out_text(&out, "\"}");
  return warder_answer((text_t){people.at, people.length}, (text_t){out.at, out.length});
}

static int32_t hash_file(text_t args) {
  text_t path = json_text(json_get(args, "path"));
  if (path.at == NULL) return warder_fail(TEXT("hash_file needs a string `path`"));
  file_t file = {.path = text_copy(path)};
  int error = hash_path(file.path, &file);
  if (error) return file_problem(file.path, error);
  out_t people = {0}, out = {0};
  out_text(&people, file.sha256);
  out_text(&people, "  ");
  out_text(&people, file.path);
  put_file(&out, &file);
  return warder_answer((text_t){people.at, people.length}, (text_t){out.at, out.length});
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/** Digests every file below a directory, in the order of their names. 0, or an errno. */
static int walk(tree_t *tree, const char *path, int depth) {
  DIR *folder = opendir(path);
  if (folder == NULL) return errno;
  char **names = NULL;
  size_t count = 0, room = 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (count == room) {
      room = room * 2 + 16;
      names = realloc(names, room * sizeof *names);
      if (names == NULL) return ENOMEM;
    }
    names[count++] = strdup(entry->d_name);
  }
  closedir(folder);
  if (count > 0) qsort(names, count, sizeof *names, by_name);
  for (size_t i = 0; i < count && !tree->cut; i++) {
    size_t length = strlen(path) + strlen(names[i]) + 2;
    char *inner = malloc(length);
    if (inner == NULL) return ENOMEM;
    const char *slash = path[strlen(path) - 1] == '/' ? "" : "/";
    snprintf(inner, length, "%s%s%s", path, slash, names[i]);
    struct stat info;
    if (fstatat(AT_FDCWD, inner, &info, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    if (S_ISDIR(info.st_mode)) {
      if (depth >= MAX_DEPTH) tree->cut = true;
      else {
        int error = walk(tree, inner, depth + 1);
        if (error) return error;
      }
    } else if (S_ISREG(info.st_mode)) {
      if (tree->count == tree->most) {
        tree->cut = true;
        break;
      }
      file_t *file = &tree->files[tree->count];
      file->path = inner;
      int error = hash_path(inner, file);
      if (error) return error;
      tree->bytes += file->size;
      tree->count++;
    }
  }
  return 0;
}

static int32_t hash_directory(text_t args) {
  text_t given = json_text(json_get(args, "path"));
  if (given.at == NULL || given.length == 0) {
    return warder_fail(TEXT("hash_directory needs a string `path`"));
  }
  char *path = text_copy(given);
  int64_t most = json_integer(json_get(args, "maxFiles"), 500);
  tree_t tree = {.most = (size_t)(most < 1 ? 1 : most > MAX_FILES ? MAX_FILES : most)};
  tree.files = calloc(tree.most, sizeof *tree.files);
  if (tree.files == NULL) return warder_fail(TEXT("out of memory"));
  int64_t began = now_ns();
  int error = walk(&tree, path, 0);
  if (error) return file_problem(path, error);

  // The digest of the tree is that of its `sha256sum` listing with paths below `path`.
  out_t people = {0}, out = {0};
  digest_t whole;
  char sha256[65], crc32[9];
  digest_start(&whole);
  size_t prefix = strlen(path) + (path[strlen(path) - 1] == '/' ? 0 : 1);
  out_text(&out, "{\"files\":[");
  for (size_t i = 0; i < tree.count; i++) {
    const file_t *file = &tree.files[i];
    out_t line = {0};
    out_text(&line, file->sha256);
    out_text(&line, "  ");
    out_text(&line, file->path + prefix);
    out_text(&line, "\n");
    digest_feed(&whole, line.at, line.length);
    out_bytes(&people, line.at, line.length);
    free(line.at);
    if (i > 0) out_text(&out, ",");
    put_file(&out, file);
  }
  digest_end(&whole, sha256, crc32);
  out_text(&people, "tree ");
  out_text(&people, sha256);
  if (tree.cut) out_text(&people, " (not complete: raise maxFiles)");
  out_text(&out, "],\"bytes\":");
  out_integer(&out, (int64_t)tree.bytes);
  out_text(&out, ",\"tree\":\"");
  out_text(&out, sha256);
  out_text(&out, "\",\"complete\":");
  out_text(&out, tree.cut ? "false}" : "true}");
  printf("hashed %zu files, %llu bytes in %lld us\n", tree.count, (unsigned long long)tree.bytes,
         (long long)((now_ns() - began) / 1000));
  fflush(stdout);
  return warder_answer((text_t){people.at, people.length}, (text_t){out.at, out.length});
}

WARDER_EXPORT("describe") int32_t describe(void) {
  warder_output((text_t){DEFINITIONS, sizeof DEFINITIONS - 1});
  return 0;
}

WARDER_EXPORT("call") int32_t call(void) {
  text_t whole = warder_input();
  text_t name = json_text(json_get(whole, "name"));
  text_t args = json_get(whole, "arguments");
  if (name.at == NULL || args.at == NULL) return warder_fail(TEXT("the input is not {\"name\",\"arguments\"}"));
  if (text_is(name, "hash_text")) return hash_text(args);
  if (text_is(name, "hash_file")) return hash_file(args);
  if (text_is(name, "hash_directory")) return hash_directory(args);
  return warder_fail(TEXT("no such tool"));
}
