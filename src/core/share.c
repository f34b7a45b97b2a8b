/*
 * share.c - one copy of a loaded model for all sessions of the server
 *
 * Reading a large model costs milliseconds, and after a training every session needs the new version at the same moment: 64 sessions
 * that each read for 16 ms keep two cores busy for half a second.  So the first one writes what it has read, in the flat form of
 * num/flat.h, to a file; all map it, at the cost of some page faults.  A training does so before it commits: then no one waits at all.
 *
 * A file rather than dynamic shared memory: before PostgreSQL 17 sessions that know nothing of each other have no way to find a
 * segment, and what is pinned stays until the server stops.  Files lie in base/pgsql_tmp, in a folder whose name says that it is
 * temporary: the server empties it when it starts, also after a crash; base backups, pg_rewind and checksums leave it out; a hot standby
 * has its own.  They are written under another name, and renamed when complete, never changed and never made shorter, so that a mapping
 * stays whole for as long as someone has it, whatever becomes of the name.
 *
 * Which file: its name and its first bytes say the database, the row of the catalog in that very version (as the cache of models
 * does), the library that wrote it, and length and checksum of the model's value.  A training that was rolled back, a restored dump, a
 * number that came round again, another build: each is another file.  One whose beginning or length is not as it must be is not there;
 * for what lies between it is trusted as the server's other memory is, for nobody else can write it.
 *
 * Who finds no file takes a lock (an advisory one, of a kind that SQL cannot ask for) and makes it; the others look again every few
 * milliseconds.  They do not wait in the lock's queue: that would make a lock_timeout of the user's an error, and a deadlock possible.
 *
 * What can go wrong with files (no room, no permission) is never an error: then each session reads the model itself.
 *
 * Files go when a later version of the name is opened, when another is written, and when a model is dropped; whoever removes one too
 * many has only made someone write it again.
 */
#include "core/compat.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/detoast.h"
#include "access/xact.h"
#include "common/file_utils.h"	/* 16: the names of temporary files are there */
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/guc.h"
#include "core/share.h"
#include "num/hash.h"

#define MAGIC UINT64_C(0x65726168736D6365)	/* "ecmshare" */
#define FOLDER "base/" PG_TEMP_FILES_DIR "/" PG_TEMP_FILE_PREFIX ".ecml"
#define SMALLEST 262144			/* bytes of a value: less is read in less than a millisecond */
#define LOCK_KIND 4				/* SQL's advisory locks are of kinds 1 and 2; core/catalog.c has 3 */
#define LONGEST_WAIT 8			/* ms between looks */
#define REST 60000				/* ms without trying, after a file could not be written */

/* What a copy is of. */
typedef struct Key
{
	uint64		magic;
	uint64		library;
	int64		model_id;
	uint64		length;			/* of the value */
	uint32		check;			/* its checksum */
	Oid			database;
	Oid			storage;
	TransactionId xmin;
	uint32		block;
	uint32		offset;
	uint32		lineage;
	uint32		algorithm;
} Key;

/* The beginning of a file; behind it the rest of the value, and the block. */
typedef struct Header
{
	Key			key;
	uint64		size;			/* of the file */
	uint64		rest;			/* bytes of the rest */
	uint64		block_at;
	uint64		block_size;
	uint64		block_check;
	uint32		rest_check;
	uint32		check;			/* of all before it */
} Header;

struct EcmlShared
{
	MemoryContextCallback callback;
	void	   *base;			/* NULL: not mapped */
	size_t		size;
	char		path[MAXPGPATH];
};

static uint64 library = 0;		/* tells builds apart; 0: it could not be told */
static TimestampTz rest_until = 0;	/* no copies are made before: writing one failed */

/* The library's file: two of the same version may lay out their structs differently. */
void
ecml_share_init(void)
{
	Dl_info		info;
	struct stat file;

	if (dladdr((void *) ecml_share_init, &info) == 0 || info.dli_fname == NULL || stat(info.dli_fname, &file) != 0)
		return;
	library = ecml_hash_bytes(ECML_VERSION, strlen(ECML_VERSION), 0);
	library = ecml_hash_u64(file.st_ino, library);
	library = ecml_hash_u64(file.st_size, library);
	library = ecml_hash_u64(file.st_mtime, library);
}

static void
make_key(Key *key, const EcmlCatalogEntry *entry, const EcmlAlgorithm *algorithm, uint64 length, uint32 check)
{
	memset(key, 0, sizeof(*key));
	key->magic = MAGIC;
	key->library = library;
	key->model_id = entry->model_id;
	key->length = length;
	key->check = check;
	key->database = MyDatabaseId;
	key->storage = entry->storage;
	key->xmin = entry->xmin;
	key->block = ItemPointerGetBlockNumberNoCheck(&entry->tid);
	key->offset = ItemPointerGetOffsetNumberNoCheck(&entry->tid);
	key->lineage = entry->lineage;
	key->algorithm = algorithm->id;
}

#define NAME_FORMAT "%u.%u." INT64_FORMAT ".%u.%u.%u.%u." UINT64_FORMAT

static void
path_of(const Key *key, char *path)
{
	snprintf(path, MAXPGPATH, FOLDER "/" NAME_FORMAT, key->database, key->storage, key->model_id, key->xmin, key->block, key->offset,
			 key->lineage, key->library);
}

/* What a file's name says; writer: who is writing it, 0: it is complete. */
static bool
parse_name(const char *name, Key *key, int *writer)
{
	int			end = 0;

	*writer = 0;
	if (sscanf(name, NAME_FORMAT "%n", &key->database, &key->storage, &key->model_id, &key->xmin, &key->block, &key->offset,
			   &key->lineage, &key->library, &end) < 8)
		return false;
	return name[end] == '\0' || sscanf(name + end, ".new.%d", writer) == 1;
}

/* ---- a copy is opened */

static void
unmap(void *arg)
{
	struct EcmlShared *shared = arg;

	if (shared->base)
		munmap(shared->base, shared->size);
	shared->base = NULL;
}

/* Map a file; false: it cannot be. */
static bool
map(struct EcmlShared *shared)
{
	int			fd = OpenTransientFile(shared->path, O_RDONLY | PG_BINARY);
	struct stat file;
	void	   *base = MAP_FAILED;

	if (fd < 0)
		return false;
	if (fstat(fd, &file) == 0 && (size_t) file.st_size >= sizeof(Header))
		base = mmap(NULL, file.st_size, PROT_READ, MAP_SHARED, fd, 0);
	CloseTransientFile(fd);
	if (base == MAP_FAILED)
		return false;
	shared->base = base;
	shared->size = file.st_size;
	return true;
}

static bool
header_fits(const Header *header, size_t size, const Key *key)
{
	return memcmp(&header->key, key, sizeof(Key)) == 0 &&
		header->check == ecml_crc32c(header, offsetof(Header, check)) &&
		header->size == size && header->rest <= size - sizeof(Header) &&
		header->block_at % ECML_ALIGN == 0 && header->block_at >= sizeof(Header) + header->rest && header->block_at <= size &&
		header->block_size == size - header->block_at &&
		header->rest_check == ecml_crc32c(header + 1, header->rest);
}

/* The model of a copy; NULL: there is none that fits. */
static EcmlModel *
open_copy(const Key *key, const EcmlAlgorithm *algorithm, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "ecml shared model", ALLOCSET_SMALL_SIZES);
	struct EcmlShared *shared = MemoryContextAllocZero(context, sizeof(struct EcmlShared));

	shared->callback.func = unmap;
	shared->callback.arg = shared;
	MemoryContextRegisterResetCallback(context, &shared->callback);
	path_of(key, shared->path);
	if (map(shared) && header_fits(shared->base, shared->size, key))
	{
		const Header *header = shared->base;
		EcmlFlat	block = {.base = (char *) shared->base + header->block_at,.size = header->block_size};
		EcmlModel  *model = ecml_model_open(algorithm, (const char *) (header + 1), header->rest, &block, context);

		if (ecml_flat_end(&block) && block.check == header->block_check)
		{
			model->shared = shared;
			model->memory += shared->size;
			return model;
		}
	}
	MemoryContextDelete(context);
	return NULL;
}

bool
ecml_share_gone(const EcmlModel *model)
{
	return model->shared && access(model->shared->path, F_OK) != 0;
}

/* ---- a copy is made */

static bool
write_bytes(void *arg, const void *bytes, size_t size)
{
	int			fd = *(int *) arg;

	while (size > 0)
	{
		ssize_t		n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			if (n == 0)
				errno = ENOSPC;
			return false;
		}
		bytes = (const char *) bytes + n;
		size -= n;
	}
	return true;
}

static bool
write_copy(int fd, const Key *key, EcmlModel *model, const struct varlena *value)
{
	static const char zeros[ECML_ALIGN];
	EcmlFlat	flat;
	Header		header;
	size_t		rest_size;
	char	   *rest = ecml_model_rest(model, value, &rest_size);

	ecml_flat_measure(&flat, &model->ctx);
	model->algorithm->flat(&flat, model->fitted);
	memset(&header, 0, sizeof(header));
	header.key = *key;
	header.rest = rest_size;
	header.block_at = TYPEALIGN(ECML_ALIGN, sizeof(Header) + rest_size);
	header.block_size = flat.at;
	header.block_check = flat.check;
	header.size = header.block_at + header.block_size;
	header.rest_check = ecml_crc32c(rest, rest_size);
	header.check = ecml_crc32c(&header, offsetof(Header, check));
	if (!write_bytes(&fd, &header, sizeof(header)) || !write_bytes(&fd, rest, rest_size) ||
		!write_bytes(&fd, zeros, header.block_at - sizeof(header) - rest_size))
		return false;
	ecml_flat_write(&flat, &model->ctx, write_bytes, &fd);
	model->algorithm->flat(&flat, model->fitted);
	return ecml_flat_end(&flat);
}

/* A new file; -1: it cannot be. */
static int
create(const char *path)
{
	int			flags = O_WRONLY | O_CREAT | O_EXCL | PG_BINARY;
	int			fd = OpenTransientFile(path, flags);

	if (fd < 0 && errno == ENOENT)
	{
		(void) MakePGDirectory("base/" PG_TEMP_FILES_DIR);
		(void) MakePGDirectory(FOLDER);
		fd = OpenTransientFile(path, flags);
	}
	return fd;
}

/* It could not be written, by errno. */
static void
give_up(const char *path)
{
	ereport(LOG,
			(errcode_for_file_access(),
			 errmsg("could not write file \"%s\": %m", path),
			 errdetail("Each session reads the model itself."),
			 errhint("The setting ecml.share_models switches this off.")));
	rest_until = GetCurrentTimestamp() + REST * INT64CONST(1000);
}

/* Read the model, and write its copy under a name of this process's own before it gets its name. */
static EcmlModel *
make_copy(const Key *key, const EcmlCatalogEntry *entry, MemoryContext parent)
{
	EcmlModel  *volatile model = NULL;
	char		path[MAXPGPATH];
	char		unfinished[MAXPGPATH + 20];
	volatile int fd;

	path_of(key, path);
	snprintf(unfinished, sizeof(unfinished), "%s.new.%d", path, MyProcPid);
	fd = create(unfinished);
	if (fd < 0)
	{
		give_up(unfinished);
		return NULL;
	}
	PG_TRY();
	{
		struct varlena *value = ecml_catalog_body(entry);
		bool		written;

		model = ecml_model_read(value, parent);
		written = write_copy(fd, key, model, value);
		written = CloseTransientFile(fd) == 0 && written && rename(unfinished, path) == 0;
		if (!written)
		{
			give_up(unfinished);
			(void) unlink(unfinished);
		}
		pfree(value);
	}
	PG_CATCH();
	{
		(void) unlink(unfinished);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return model;
}

/* ---- copies are removed */

static bool
same_row(const Key *a, const Key *b)
{
	return a->storage == b->storage && a->model_id == b->model_id && a->xmin == b->xmin && a->block == b->block &&
		a->offset == b->offset;
}

/* Will nobody ask for it? */
static bool
is_left_over(const Key *key, int writer)
{
	EcmlCatalogEntry entry = {.model_id = key->model_id,.xmin = key->xmin,.storage = key->storage};

	if (writer != 0)
		return BackendPidGetProc(writer) == NULL;
	if (key->database != MyDatabaseId)
		return !SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(key->database));
	ItemPointerSet(&entry.tid, key->block, key->offset);
	/* a training of another session that is about to commit has its copy ready */
	return !ecml_catalog_serves(&entry) &&
		(TransactionIdIsCurrentTransactionId(key->xmin) || !TransactionIdIsInProgress(key->xmin));
}

/* Of one name, or with NULL of all. */
static void
sweep(const Key *of)
{
	DIR		   *folder;
	struct dirent *file;

	/* what is current can not be asked there */
	if (IsInParallelMode())
		return;
	folder = AllocateDir(FOLDER);
	if (folder == NULL)
		return;
	while ((file = ReadDirExtended(folder, FOLDER, DEBUG1)) != NULL)
	{
		char		path[MAXPGPATH * 2];
		Key			key;
		int			writer;

		if (!parse_name(file->d_name, &key, &writer) ||
			(of && (key.database != of->database || key.lineage != of->lineage || same_row(&key, of))) ||
			!is_left_over(&key, writer))
			continue;
		snprintf(path, sizeof(path), FOLDER "/%s", file->d_name);
		(void) unlink(path);
	}
	FreeDir(folder);
}

void
ecml_share_sweep(void)
{
	sweep(NULL);
}

/* ---- the whole */

EcmlModel *
ecml_share_load(const EcmlCatalogEntry *entry, MemoryContext parent)
{
	const EcmlAlgorithm *algorithm;
	EcmlModel  *model;
	Datum		stored;
	uint32		check;
	uint64		lock;
	LOCKTAG		tag;
	Key			key;

	if (!ecml_guc_share_models || library == 0)
		return NULL;
	stored = ecml_catalog_stored(entry);
	if (toast_raw_datum_size(stored) < SMALLEST)
		return NULL;
	algorithm = ecml_model_envelope(stored, &check);
	if (algorithm == NULL || algorithm->flat == NULL)
		return NULL;
	make_key(&key, entry, algorithm, toast_raw_datum_size(stored), check);
	model = open_copy(&key, algorithm, parent);
	if (model)
	{
		sweep(&key);
		return model;
	}
	/* a version that goes, and one that a snapshot of long ago still sees, are not worth it */
	if (IsInParallelMode() || GetCurrentTimestamp() < rest_until || !ecml_catalog_serves(entry))
		return NULL;

	lock = ecml_hash_bytes(&key, sizeof(key), 0);
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (lock >> 32), (uint32) lock, LOCK_KIND);
	for (int wait = 1; LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL; wait = Min(2 * wait, LONGEST_WAIT))
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		model = open_copy(&key, algorithm, parent);
		if (model)
			return model;
	}
	/* who had the lock before may have been quicker than the look */
	model = open_copy(&key, algorithm, parent);
	if (model == NULL)
	{
		EcmlModel  *own = make_copy(&key, entry, parent);

		model = own ? open_copy(&key, algorithm, parent) : NULL;
		if (model)
			MemoryContextDelete(own->context);
		else
			model = own;
		if (!TransactionIdIsCurrentTransactionId(key.xmin))
			sweep(NULL);
	}
	LockRelease(&tag, ExclusiveLock, false);
	return model;
}

void
ecml_share_prepare(const char *name)
{
	EcmlCatalogEntry entry;
	EcmlModel  *model;

	PushActiveSnapshot(GetLatestSnapshot());
	if (ecml_catalog_find(name, &entry))
	{
		model = ecml_share_load(&entry, CurrentMemoryContext);
		if (model)
			MemoryContextDelete(model->context);
	}
	PopActiveSnapshot();
}
