/*
 * blas.h - the C interface of BLAS, and nothing of LAPACK (which would bring the Fortran runtime)
 *
 * The system's cblas.h where there is one; else the few routines that the kernels use, with the standard's names, values
 * and 32-bit integers.  All matrices of this project that go to BLAS are column-major.
 *
 * Not for tasks of ecml_parallel_for: the serial OpenBLAS hands the same scratch memory to threads that ask at once, and what
 * they compute is then wrong now and then.
 */
#ifndef ECML_BLAS_H
#define ECML_BLAS_H

#if defined(__has_include)
#if __has_include(<cblas.h>)
#include <cblas.h>
#define ECML_HAVE_CBLAS_H
#endif
#endif

#ifndef ECML_HAVE_CBLAS_H
typedef enum CBLAS_ORDER {CblasRowMajor = 101, CblasColMajor = 102} CBLAS_ORDER;
typedef enum CBLAS_TRANSPOSE {CblasNoTrans = 111, CblasTrans = 112} CBLAS_TRANSPOSE;
typedef enum CBLAS_UPLO {CblasUpper = 121, CblasLower = 122} CBLAS_UPLO;
typedef enum CBLAS_DIAG {CblasNonUnit = 131, CblasUnit = 132} CBLAS_DIAG;
typedef enum CBLAS_SIDE {CblasLeft = 141, CblasRight = 142} CBLAS_SIDE;

extern double cblas_ddot(int n, const double *x, int incx, const double *y, int incy);
extern float cblas_sdot(int n, const float *x, int incx, const float *y, int incy);
extern double cblas_dnrm2(int n, const double *x, int incx);
extern void cblas_daxpy(int n, double a, const double *x, int incx, double *y, int incy);
extern void cblas_saxpy(int n, float a, const float *x, int incx, float *y, int incy);
extern void cblas_dscal(int n, double a, double *x, int incx);
extern void cblas_sscal(int n, float a, float *x, int incx);
extern void cblas_dgemv(CBLAS_ORDER order, CBLAS_TRANSPOSE trans, int m, int n, double alpha, const double *a, int lda,
						const double *x, int incx, double beta, double *y, int incy);
extern void cblas_sgemv(CBLAS_ORDER order, CBLAS_TRANSPOSE trans, int m, int n, float alpha, const float *a, int lda,
						const float *x, int incx, float beta, float *y, int incy);
extern void cblas_dger(CBLAS_ORDER order, int m, int n, double alpha, const double *x, int incx,
					   const double *y, int incy, double *a, int lda);
extern void cblas_dtrsv(CBLAS_ORDER order, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag, int n,
						const double *a, int lda, double *x, int incx);
extern void cblas_dgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE transa, CBLAS_TRANSPOSE transb, int m, int n, int k,
						double alpha, const double *a, int lda, const double *b, int ldb,
						double beta, double *c, int ldc);
extern void cblas_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE transa, CBLAS_TRANSPOSE transb, int m, int n, int k,
						float alpha, const float *a, int lda, const float *b, int ldb,
						float beta, float *c, int ldc);
extern void cblas_dsyrk(CBLAS_ORDER order, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, int n, int k,
						double alpha, const double *a, int lda, double beta, double *c, int ldc);
extern void cblas_ssyrk(CBLAS_ORDER order, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, int n, int k,
						float alpha, const float *a, int lda, float beta, float *c, int ldc);
extern void cblas_dtrmm(CBLAS_ORDER order, CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag,
						int m, int n, double alpha, const double *a, int lda, double *b, int ldb);
extern void cblas_dtrsm(CBLAS_ORDER order, CBLAS_SIDE side, CBLAS_UPLO uplo, CBLAS_TRANSPOSE trans, CBLAS_DIAG diag,
						int m, int n, double alpha, const double *a, int lda, double *b, int ldb);
#endif							/* ECML_HAVE_CBLAS_H */

#endif							/* ECML_BLAS_H */
