"""The same delivery, intake of batches and exports, spread over machines by Celery. The only package that knows of it.

The database stays the truth: a message only says where work may wait. One that is lost costs the two seconds until the
herald says it again, one that comes twice finds nothing to do.
"""
