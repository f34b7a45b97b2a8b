/*
 * parallel.c - ecml_parallel_for: tasks handed out one by one to a pool that lives as long as the call
 *
 * Making a thread costs some 20 microseconds, so the pool is made anew each time, and nothing has to be kept, cleaned
 * up or feared at fork.  The leader works too; when the host wants attention it stops handing out tasks, joins the
 * threads, and only then polls: a poll that leaves by a long jump leaves no thread behind.  When the poll returns, the
 * rest of the tasks go to a new pool.
 *
 * The threads run with every signal blocked: signals are the leader's.
 */
#include "ctx.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define MAX_THREADS 256

typedef struct Pool
{
	EcmlTask	task;
	void	   *arg;
	size_t		n;
	atomic_size_t next;			/* the next task to be handed out */
	atomic_bool pause;			/* hand out no more */
} Pool;

typedef struct Worker
{
	Pool	   *pool;
	int			number;
	pthread_t	thread;
} Worker;

/* Claim the next task; false when there is none, or the pool pauses. */
static bool
claim(Pool *pool, size_t *i)
{
	if (atomic_load_explicit(&pool->pause, memory_order_relaxed))
		return false;
	*i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
	return *i < pool->n;
}

static void *
work(void *arg)
{
	Worker	   *worker = arg;
	Pool	   *pool = worker->pool;
	size_t		i;

	while (claim(pool, &i))
		pool->task(pool->arg, i, worker->number);
	return NULL;
}

int
ecml_workers(const EcmlCtx *ctx, size_t n)
{
	int			workers = ctx->threads < MAX_THREADS ? ctx->threads : MAX_THREADS;

	if ((size_t) workers > n)
		workers = n > 0 ? (int) n : 1;
	return workers;
}

/* Start up to wanted threads; a system that gives fewer is no error, the leader does the rest. */
static int
start(Pool *pool, Worker *workers, int wanted)
{
	sigset_t	all;
	sigset_t	before;
	int			started = 0;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return 0;
	while (started < wanted)
	{
		Worker	   *worker = &workers[started];

		worker->pool = pool;
		worker->number = started + 1;
		if (pthread_create(&worker->thread, NULL, work, worker) != 0)
			break;
		started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

void
ecml_parallel_for(EcmlCtx *ctx, size_t n, EcmlTask task, void *arg)
{
	ecml_parallel_while(ctx, n, task, arg, NULL, NULL);
}

void
ecml_parallel_while(EcmlCtx *ctx, size_t n, EcmlTask task, void *arg, void (*meanwhile) (void *own), void *own)
{
	Worker		workers[MAX_THREADS];
	Pool		pool = {.task = task,.arg = arg,.n = n};
	int			wanted = ecml_workers(ctx, n) - 1;

	atomic_init(&pool.next, 0);
	atomic_init(&pool.pause, false);
	while (atomic_load(&pool.next) < n)
	{
		int			started = start(&pool, workers, wanted);
		size_t		i;

		if (meanwhile)
			meanwhile(own);
		meanwhile = NULL;
		while (claim(&pool, &i))
		{
			task(arg, i, 0);
			if (ctx->host->interrupted(ctx))
				atomic_store(&pool.pause, true);
		}
		for (int t = 0; t < started; t++)
			pthread_join(workers[t].thread, NULL);
		atomic_store(&pool.pause, false);
		ecml_poll(ctx, 0, 0);
	}
}
