"""Tests of a run for look-ahead: its source, simulator, features, models and policy are asked again."""
