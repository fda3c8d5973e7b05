//  A fuzz target without a fuzzer: each file of the corpus as it is, cut at every byte, with
//  every bit turned, and a fixed number of blows from a generator with a fixed seed.
//  Whatever a fuzzer once found stays in the corpus, so this is a regression test.

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST  (2 * 1024 * 1024)
#define SMALL    512            //  Bytes up to which every cut and bit is tried
#define BLOWS    2000           //  Random changes per file

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t seed = 0x2545f4914f6cdd1d;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

//  In a block of exactly its size, so that a sanitizer sees one byte too far.
static void run(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    if (size)
        memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void run_cuts_and_bits(uint8_t *data, size_t size)
{
    for (size_t cut = 0; cut < size; cut++)
        run(data, cut);
    for (size_t bit = 0; bit < size * 8; bit++) {
        data[bit / 8] ^= (uint8_t) (1u << bit % 8);
        run(data, size);
        data[bit / 8] ^= (uint8_t) (1u << bit % 8);
    }
}

static void run_blows(const uint8_t *data, size_t size)
{
    uint8_t changed[SMALL];
    for (int i = 0; i < BLOWS; i++) {
        memcpy(changed, data, size);
        for (uint64_t hits = 1 + next_random() % 6; hits; hits--)
            changed[next_random() % size] = (uint8_t) next_random();
        run(changed, size);
    }
}

static void run_file(const char *path)
{
    uint8_t *data = malloc(LARGEST);
    FILE *file = fopen(path, "rb");
    if (!data || !file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(data, 1, LARGEST, file);
    fclose(file);
    run(data, size);
    if (size && size <= SMALL) {
        run_cuts_and_bits(data, size);
        run_blows(data, size);
    }
    free(data);
}

static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int files = 0;
    if (!dir) {
        perror(folder);
        exit(1);
    }
    while ((entry = readdir(dir)) != NULL) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        run_file(path);
        files++;
    }
    closedir(dir);
    return files;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++)
        files += run_folder(argv[i]);
    printf("%d files\n", files);
    return files ? 0 : 1;       //  A corpus that is not found is no success
}
