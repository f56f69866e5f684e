"""Where a worker's metrics and traces go."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from typing import Any

from temporalio.client import Interceptor
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    OpenTelemetryConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from lateen.model.errors import LateenError
from lateen.worker.settings import WorkerSettings

_LOG = logging.getLogger("lateen.worker")
_EXPORTER = "opentelemetry.exporter.otlp.proto.grpc.trace_exporter"


class TelemetryFailed(LateenError):
    """Metrics can't be served or sent as the settings say."""


def build_runtime(settings: WorkerSettings) -> Runtime:
    """Return the SDK's runtime; it serves Prometheus' ``/metrics`` itself, or sends by OTLP (gRPC).

    One of them: with an address for Prometheus, the collector only gets traces.
    """
    metrics: PrometheusConfig | OpenTelemetryConfig | None = None
    if settings.metrics_address:
        metrics = PrometheusConfig(
            bind_address=settings.metrics_address,
            counters_total_suffix=True,
            unit_suffix=True,
            durations_as_seconds=True,
        )
    elif settings.otlp_endpoint:
        metrics = OpenTelemetryConfig(url=settings.otlp_endpoint, durations_as_seconds=True)
    forwarding = LogForwardingConfig(
        logging.getLogger("temporalio.core"),
        append_target_to_name=False,
        prepend_target_on_message=False,
    )
    logs = LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding)
    try:
        return Runtime(telemetry=TelemetryConfig(logging=logs, metrics=metrics))
    except (RuntimeError, ValueError) as error:
        where = settings.metrics_address or settings.otlp_endpoint
        raise TelemetryFailed(f"metrics can't be served at or sent to {where}: {error}") from error


def tracing(settings: WorkerSettings) -> Sequence[Interceptor]:
    """Return what traces the worker's activities, if there is a collector and the extra is installed."""
    if not settings.otlp_endpoint:
        return []
    try:
        exporting: Any = importlib.import_module(_EXPORTER)
        contrib: Any = importlib.import_module("temporalio.contrib.opentelemetry")
        sdk: Any = importlib.import_module("opentelemetry.sdk.trace")
        export: Any = importlib.import_module("opentelemetry.sdk.trace.export")
        resources: Any = importlib.import_module("opentelemetry.sdk.resources")
    except ImportError:
        _LOG.warning("no traces are sent: install lateen[opentelemetry]")
        return []
    service = resources.Resource.create({"service.name": "lateen-worker"})
    provider = sdk.TracerProvider(resource=service)
    exporter = exporting.OTLPSpanExporter(endpoint=settings.otlp_endpoint)
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("lateen")
    return [contrib.TracingInterceptor(tracer, always_create_workflow_spans=True)]
