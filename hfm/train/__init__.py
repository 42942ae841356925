"""train: quotes in, a checkpoint and out-of-sample predictions, scores and history out.

In: simulate/quotes.parquet (spreads in bps, prices in currency), simulate/oracle.parquet where it is there. Out:
train/model.safetensors and model.json (all that rebuilds features and models), predictions (P(up), spread quantiles in
bps, labels; test rows only), scores (each with its floor and standard error), history. Walk-forward by sessions; of an
order book in event time by blocks of clock time, up to the mid's next move (training_panel.task, folds.plan_blocks).
NumPy alone: folds, labels, calibration and scoring stand here; what fits and predicts stands in hfm.models.
"""
