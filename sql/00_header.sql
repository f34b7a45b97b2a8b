-- ecml: machine learning for e-commerce, in the database.  Made from sql/NN_*.sql; do not edit the whole.
\echo Use "CREATE EXTENSION ecml" to load this file. \quit

