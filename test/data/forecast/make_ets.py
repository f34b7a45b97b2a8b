#!/usr/bin/env python3
# ets.tsv: exponential smoothing of made-up series by statsforecast 2.0.1: for each form its parameters, states at the start,
# log-likelihood (up to the constant that depends on the number of values alone) and forecasts of 12 steps.
# theta.tsv: forecasts of the four Theta models by the same.
# Run: python make_ets.py   (numpy, statsforecast)
import numpy as np
from statsforecast.ets import ets_f, pegelsfcast_C
from statsforecast.theta import auto_theta, forecast_theta

rng = np.random.default_rng(20260711)


def series():
    t = np.arange(96)
    season = 1 + 0.25 * np.sin(2 * np.pi * t / 12) + 0.1 * np.cos(4 * np.pi * t / 12)
    level = 200 + np.cumsum(rng.normal(0, 4, 96)) + 1.2 * t
    yield 'seasonal', 12, np.round(level * season * np.exp(rng.normal(0, 0.03, 96)), 3)
    yield 'level', 1, np.round(50 + np.cumsum(rng.normal(0, 2, 70)) + rng.normal(0, 3, 70), 3)
    yield 'trend', 1, np.round(20 + 0.8 * np.arange(60) + np.cumsum(rng.normal(0, 0.5, 60)) + rng.normal(0, 1, 60), 3)
    yield 'quarters', 4, np.round(80 + 0.5 * np.arange(44) + np.tile([6.0, -3.0, 4.0, -7.0], 11) + rng.normal(0, 2, 44), 3)


def text(values):
    return ','.join('%.12g' % v for v in values)


with open('ets.tsv', 'w') as out, open('theta.tsv', 'w') as theta:
    print('# made by make_ets.py: series, period, values, form, log-likelihood, alpha beta gamma phi (nan: none), states, forecasts',
          file=out)
    print('# made by make_ets.py: series, period, values, model, forecasts', file=theta)
    for name, m, y in series():
        for error in 'AM':
            for trend in 'NA':
                for season in ('NAM' if m > 1 else 'N'):
                    for damped in ((False, True) if trend == 'A' else (False,)):
                        if error == 'A' and season == 'M':
                            continue
                        f = ets_f(y, m, model=error + trend + season, damped=damped)
                        print(name, m, text(y), error + trend + ('d' if damped else '') + season, '%.12g' % f['loglik'],
                              text(f['par'][:4]), text(f['par'][4:]), text(pegelsfcast_C(12, f)), sep='\t', file=out)
        for model in ('STM', 'OTM', 'DSTM', 'DOTM'):
            f = auto_theta(y, m, model=model)
            print(name, m, text(y), model, text(forecast_theta(f, 12)['mean']), sep='\t', file=theta)
