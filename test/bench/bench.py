"""Runs the rows that the environment variable ROWS names, prints their tables, and writes them to the file OUT."""
import os
import sys

import anomaly
import boosting
import evaluation
import experiments
import flows
import forecasting
import forest
import growth
import images
import inspect_rows
import isolation
import load
import logistic
import network
import prepare
import pricing
import quality
import recommend
import reviews
import routes
import speed
import survival
import words
from harness import SCALE, connect, machine

TABLES = [
    (speed.speed_table,
     {"kmeans": speed.kmeans,
      "linreg": speed.linreg,
      "logreg": logistic.logreg,
      "ttest": speed.ttest,
      "report": experiments.report,
      "predict": speed.predict,
      "describe": prepare.describe,
      "inspect": inspect_rows.inspect,
      "load": load.load,
      "images": images.images,
      "metrics": evaluation.metrics,
      "tune": speed.tune,
      "gbdt": boosting.gbdt,
      "forest": forest.forest}),
    (growth.growth_table, {"big": growth.big}),
    (growth.memory_table, {"memory": growth.memory}),
    (quality.quality_table, {"quality": quality.quality}),
    (prepare.prepare_table, {"prepare": prepare.prepare}),
    (recommend.recommend_table, {"recommend": recommend.training, "baskets": recommend.baskets}),
    (recommend.serving_table, {"serving": recommend.serving}),
    (recommend.lists_table, {"lists": recommend.lists}),
    (isolation.isolation_table, {"iforest": isolation.iforest}),
    (boosting.quality_table, {"gbdt": boosting.quality}),
    (forest.quality_table, {"forest": forest.quality}),
    (anomaly.anomaly_table, {"mahalanobis": anomaly.mahalanobis, "anomalies": anomaly.anomalies}),
    (survival.survival_table, {"cox": survival.cox, "clv": survival.clv}),
    (pricing.pricing_table, {"pricing": pricing.pricing}),
    (routes.routes_table, {"route": routes.routes}),
    (flows.flows_table, {"assignment": flows.assignment, "transport": flows.transport}),
    (network.cnn_table, {"cnn": network.cnn, "cnn_quality": network.cnn_quality}),
    (forecasting.speed_table, {"forecast": forecasting.speed}),
    (forecasting.accuracy_table, {"accuracy": forecasting.accuracy}),
    (forecasting.prophet_table, {"prophet": forecasting.prophet}),
    (forecasting.inventory_table, {"inventory": forecasting.inventory}),
    (reviews.sentiment_table, {"sentiment": reviews.sentiment}),
    (reviews.tokens_table, {"tokenize": reviews.tokenize}),
    (words.classes_table, {"text_models": words.text_models}),
    (words.topics_table, {"lda": words.lda}),
    (words.search_table, {"search": words.search}),
    (words.errors_table, {"typed_errors": words.errors}),
]


def main():
    wanted = os.environ["ROWS"].split()
    with connect() as connection:
        parts = [machine(connection) + "\n"]
    missed = 0
    print(f"\n{parts[0]}", flush=True)
    for make, rows in TABLES:
        chosen = [row for name, row in rows.items() if name in wanted]
        if not chosen:
            continue
        table = make()
        for row in chosen:
            row(table)
        missed += table.missed
        parts.append(table.markdown())
        print(parts[-1], flush=True)
    print(f"{missed} targets missed" if missed else "all targets reached")
    if os.environ.get("OUT"):
        with open(os.environ["OUT"], "w", encoding="utf-8") as out:
            out.write("\n".join(parts))
    return 1 if missed and SCALE >= 1 else 0


sys.exit(main())
