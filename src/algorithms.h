/*
 * algorithms.h - one line per algorithm: X(id, name); ids are on disk: append only, never reuse
 *
 * Each has a const EcmlAlgorithm ecml_algorithm_<name> in its <method>_sql.c.
 */
X(1, linreg)
X(2, kmeans)
X(3, logreg)
X(4, cox)
X(5, iforest)
X(6, gbdt)
X(7, decision_tree)
X(8, random_forest)
X(10, als)
X(11, item_knn)
X(12, user_knn)
X(13, content)
X(14, popular)
X(15, hybrid)
X(9, mahalanobis)
