"""Models of texts and search: the SQL statement beside scikit-learn, tomotopy and gensim on texts in memory, and PostgreSQL's GIN."""
import csv
import gzip
import math
import os
import pathlib
import random
import re
import statistics
import time

import numpy
import psycopg

from harness import REPEAT, SCALE, Table, connect, in_turn, time_of, value

DATA = pathlib.Path(os.environ.get("ECML_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data")


def classes_table():
    return Table("Classes of texts", "Training on all rows, one core each: from the SQL statement, table scan and storage included; "
                 "peer: scikit-learn's pipeline on texts in memory. Accuracy: five stratified folds.",
                 ["what", "rows", "ecml ms", "peer ms", "ratio", "target", "ok", "accuracy", "peer accuracy", "ok"])


def topics_table():
    return Table("Topics", "One core each, the same words, topics and iterations. Perplexity: of the second half of held-out documents, given "
                 "the mix of topics of their first half, found in the same way (200 steps of EM) from each model's topics and alpha.",
                 ["what", "words", "ms", "ratio", "target", "ok", "perplexity", "by the best", "ok"])


def search_table():
    return Table("Search", "A million short documents, ten best, over a socket, prepared, medians; beside websearch_to_tsquery with a GIN "
                 "index and ts_rank. Documents: Zipf words.",
                 ["query", "hits", "ecml us", "GIN us", "ratio", "target", "ok"])


def errors_table():
    return Table("Search with typed errors", "PriceRunner titles; queries: three words of a title; relevant: all offers of its product. One edit "
                 "(a letter less, more, another, two swapped) in one word of four letters and more.",
                 ["queries", "ndcg@10", "with an error", "ratio", "target", "ok"])


def rows_of(name):
    path = DATA / name
    if not path.exists():
        return None
    csv.field_size_limit(1 << 30)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if ".tsv" in name else ","))


def store(connection, table, columns, rows):
    connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute(f"CREATE TABLE {table} ({', '.join(column + ' text' for column in columns)})")
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    connection.execute(f"ANALYZE {table}")


def text_models(table):
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    sets = {"pricerunner titles": ("text/pricerunner_titles.csv.gz", ["title"], "category"),
            "mini newsgroups": ("text/mini_newsgroups_2000.csv.gz", ["subject", "body"], "newsgroup")}
    connection = connect(max_parallel_workers_per_gather=0)
    for name, (file, fields, target) in sets.items():
        rows = rows_of(file)
        if rows is None:
            print(f"left out: {name} ({file} is not there)")
            continue
        store(connection, "texts", [*fields, "class"], [[*(row[field] for field in fields), row[target]] for row in rows])
        texts = ["\n".join(row[field] for field in fields) for row in rows]
        labels = [row[target] for row in rows]
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        for algorithm, peer in (("text_logreg", lambda: make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))),
                                ("naive_bayes", lambda: make_pipeline(CountVectorizer(), MultinomialNB()))):
            times, _ = in_turn({
                "ecml": lambda i: value(connection, "SELECT (ecml_train('bench', %s, 'texts', 'class')).rows", algorithm),
                "peer": lambda i: peer().fit(texts, labels)}, repeat=min(REPEAT, 3))
            ours = value(connection, "SELECT (ecml_cross_validate(%s, 'texts', 'class') #>> '{accuracy,mean}')::float8", algorithm)
            theirs = cross_val_score(peer(), texts, labels, cv=folds).mean()
            ratio = times["peer"] / times["ecml"]
            table.add(f"{name}, {algorithm}", len(rows), times["ecml"], times["peer"], ratio, 5.0 if algorithm == "text_logreg" else None,
                      ratio >= 5 if algorithm == "text_logreg" else None, ours, theirs, bool(ours >= theirs - 0.005))
        one = texts[0]
        connection.execute("SELECT ecml_train('bench', 'text_logreg', 'SELECT concat_ws(E''\n'', " + ", ".join(fields) + ") AS t, class FROM texts', 'class')")
        times, _ = in_turn({"ecml": lambda i: value(connection, "SELECT count(ecml_classify('bench', %s || i)) FROM generate_series(1, 1000) i", one[:80])})
        table.add(f"{name}, ecml_classify, a thousand texts of 80 characters", 1000, times["ecml"], None, None, None, None, None, None, None)


def completion(phi, alpha, halves):
    """Perplexity of second halves; phi [topics, words], halves: pairs of lists of words."""
    total, count = 0.0, 0
    for first, second in halves:
        gamma = alpha + len(first) / len(alpha)
        if first:
            columns = phi[:, first]
            for _ in range(200):
                share = gamma[:, None] * columns
                gamma = alpha + (share / share.sum(axis=0)).sum(axis=1)
        theta = gamma / gamma.sum()
        total += numpy.log(theta @ phi[:, second]).sum()
        count += len(second)
    return math.exp(-total / count)


def lda(table):
    rows = rows_of("text/mini_newsgroups_2000.csv.gz")
    try:
        import tomotopy
    except ImportError:
        tomotopy = None
    try:
        import gensim
    except ImportError:
        gensim = None
    if rows is None or tomotopy is None and gensim is None:
        print("left out: topics (neither tomotopy nor gensim is installed, or text/mini_newsgroups_2000.csv.gz is not there)")
        return
    connection = connect(max_parallel_workers_per_gather=0)
    connection.execute("SET ecml.threads = 1")
    texts = [row["body"] for row in rows]
    held = texts[::10]
    trained = [text for i, text in enumerate(texts) if i % 10]
    store(connection, "bodies", ["body"], [[text] for text in trained])
    topics, iterations = 20, 300
    times, _ = in_turn({"ecml": lambda i: connection.execute(
        "SELECT ecml_train('bench_topics', 'lda', 'bodies', options => %s)",
        [f'{{"topics": {topics}, "iterations": {iterations}, "burn_in": 50}}'])}, repeat=min(REPEAT, 3), warm=False)
    words = [row[0] for row in connection.execute("SELECT word FROM ecml_topics('bench_topics', 100000) WHERE topic = 1 ORDER BY word")]
    number = {word: i for i, word in enumerate(words)}
    split = lambda text: [word for word in re.findall(r"\w\w\w+", text.lower()) if word in number]
    documents = [split(text) for text in trained]
    halves = []
    for text in held:
        ids = [number[word] for word in split(text)]
        if len(ids) > 1:
            halves.append((ids[:len(ids) // 2], ids[len(ids) // 2:]))
    phi = numpy.zeros((topics, len(words)))
    for topic, word, weight in connection.execute("SELECT topic, word, weight FROM ecml_topics('bench_topics', 100000)"):
        phi[topic - 1, number[word]] = weight
    alpha = numpy.array(value(connection, "SELECT metrics -> 'alpha' FROM ecml.models WHERE name = 'bench_topics' AND active"), float)
    results = {"ecml": (times["ecml"], completion(phi, alpha, halves))}
    if tomotopy:
        model = tomotopy.LDAModel(k=topics, alpha=0.1, eta=0.01, seed=1)
        for document in documents:
            if document:
                model.add_doc(document)
        took, _ = time_of(lambda: model.train(iterations, workers=1))
        order = [number[word] for word in model.used_vocabs]
        phi = numpy.full((topics, len(words)), 1e-12)
        for k in range(topics):
            phi[k, order] = model.get_topic_word_dist(k)
        results["tomotopy"] = (took, completion(phi, numpy.array(model.alpha), halves))
    if gensim:
        import gensim.corpora
        import gensim.models

        dictionary = gensim.corpora.Dictionary([words])
        corpus = [dictionary.doc2bow(document) for document in documents]
        took, model = time_of(lambda: gensim.models.LdaModel(corpus, topics, dictionary, passes=20, alpha="auto", eta="auto", random_state=1))
        order = [number[dictionary[i]] for i in range(len(dictionary))]
        phi = numpy.zeros((topics, len(words)))
        phi[:, order] = model.get_topics()
        results["gensim, 20 passes"] = (took, completion(phi, numpy.array(model.alpha, float), halves))
    best = min(perplexity for name, (_, perplexity) in results.items() if name != "ecml")
    tokens = sum(map(len, documents))
    for name, (took, perplexity) in results.items():
        ours = name == "ecml"
        ratio = took / results["ecml"][0]
        table.add(name, tokens, took, None if ours else ratio, 1.0 if name == "tomotopy" else None,
                  bool(ratio >= 1) if name == "tomotopy" else None, perplexity, perplexity / best if ours else None,
                  bool(perplexity <= 1.02 * best) if ours else None)


def search(table):
    connection = connect()
    documents = int(1_000_000 * SCALE)
    # words by Zipf's law: word i is as frequent as 1 / (i + 10)
    connection.execute("DROP TABLE IF EXISTS short_documents")
    connection.execute("CREATE TABLE short_documents (id int PRIMARY KEY, body text, vector tsvector)")
    generator = numpy.random.default_rng(3)
    weights = 1 / (numpy.arange(100_000) + 10)
    cumulated = numpy.cumsum(weights / weights.sum())
    names = numpy.array([f"w{hash_of(i)}" for i in range(100_000)])
    with connection.cursor() as cursor, cursor.copy("COPY short_documents (id, body) FROM STDIN") as copy:
        for first in range(0, documents, 10_000):
            lengths = generator.integers(5, 16, 10_000)
            drawn = names[numpy.searchsorted(cumulated, generator.random(lengths.sum()))]
            at = 0
            lines = []
            for i, n in enumerate(lengths):
                lines.append(f"{first + i}\t{' '.join(drawn[at:at + n])}\n")
                at += n
            copy.write("".join(lines))
    connection.execute("UPDATE short_documents SET vector = to_tsvector('simple', body)")
    took_gin, _ = time_of(lambda: connection.execute("CREATE INDEX ON short_documents USING gin (vector)"))
    connection.execute("VACUUM ANALYZE short_documents")
    took, _ = time_of(lambda: connection.execute("SELECT ecml_search_index('short', 'SELECT id, body FROM short_documents')"))
    table.add(f"building, {documents:,} documents (ms)", None, took * 1000, took_gin * 1000, took_gin / took, None, None)
    ours = "SELECT id, score FROM ecml_search('short', %s, 10)"
    theirs = ("SELECT id, ts_rank(vector, q) FROM short_documents, to_tsquery('simple', %s) q WHERE vector @@ q "
              "ORDER BY ts_rank(vector, q) DESC LIMIT 10")
    generator = random.Random(1)
    kinds = {"a rare word": lambda: [names[generator.randrange(20_000, 60_000)]],
             "a word of 1 in 1,000": lambda: [names[generator.randrange(60, 100)]],
             "the most common words": lambda: [names[generator.randrange(0, 3)]],
             "two words": lambda: [names[generator.randrange(100, 2000)] for _ in range(2)],
             "a common and a rare word": lambda: [names[generator.randrange(0, 10)], names[generator.randrange(2000, 20_000)]],
             "four words": lambda: [names[generator.randrange(20, 3000)] for _ in range(4)]}
    for kind, draw in kinds.items():
        queries = [draw() for _ in range(40)]
        times = {"ecml": [], "gin": []}
        hits = 0
        for repetition in range(2):
            for words in queries:
                took, found = time_of(lambda: connection.execute(ours, [" ".join(words)], prepare=True).fetchall())
                took_gin, _ = time_of(lambda: connection.execute(theirs, [" | ".join(words)], prepare=True).fetchall())
                if repetition:
                    times["ecml"].append(took * 1e3)
                    times["gin"].append(took_gin * 1e3)
                    hits += len(found)
        ecml, gin = statistics.median(times["ecml"]), statistics.median(times["gin"])
        table.add(kind, hits / len(queries), ecml, gin, gin / ecml, 1.0, bool(gin >= ecml))


def hash_of(i):
    """A spelling of five letters."""
    i = i * 2654435761 % 11_881_376
    return "".join(chr(97 + i // 26 ** k % 26) for k in range(5))


def edited(word, generator):
    at = generator.randrange(1, len(word))
    letter = chr(97 + generator.randrange(26))
    return generator.choice([word[:at] + word[at + 1:], word[:at] + letter + word[at:], word[:at] + letter + word[at + 1:],
                             word[:at - 1] + word[at] + word[at - 1] + word[at + 1:]])


def errors(table):
    rows = rows_of("text/pricerunner_titles.csv.gz")
    if rows is None:
        print("left out: search with typed errors (text/pricerunner_titles.csv.gz is not there)")
        return
    connection = connect()
    store(connection, "offers", ["id", "title"], [[row["product_id"], row["title"]] for row in rows])
    connection.execute("SELECT ecml_search_index('offers', 'offers')")
    cluster = {row["product_id"]: row["cluster_id"] for row in rows}
    size = {}
    for row in rows:
        size[row["cluster_id"]] = size.get(row["cluster_id"], 0) + 1
    generator = random.Random(5)

    def ndcg(query, wanted):
        found = connection.execute("SELECT id FROM ecml_search('offers', %s, 10, '{\"snippet\": false}')", [query], prepare=True).fetchall()
        gain = sum(1 / math.log2(i + 2) for i, (id,) in enumerate(found) if cluster[id] == wanted)
        return gain / sum(1 / math.log2(i + 2) for i in range(min(10, size[wanted])))

    clean, typed, count = 0.0, 0.0, 0
    while count < 500:
        row = generator.choice(rows)
        words = re.findall(r"\w+", row["title"].lower())
        long_words = [word for word in words if len(word) >= 4 and word.isalpha()]
        if len(words) < 3 or not long_words:
            continue
        wrong = generator.choice(long_words)
        others = generator.sample([word for word in words if word != wrong] or [wrong], k=min(2, len(words) - 1 or 1))
        clean += ndcg(" ".join([wrong, *others]), row["cluster_id"])
        typed += ndcg(" ".join([edited(wrong, generator), *others]), row["cluster_id"])
        count += 1
    table.add(count, clean / count, typed / count, typed / clean, 0.9, bool(typed >= 0.9 * clean))
