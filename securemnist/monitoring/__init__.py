"""Monitoring of a served model: metrics, and drift of its inputs and answers."""

from securemnist.monitoring.alarm import Alarm
from securemnist.monitoring.monitor import Monitor
from securemnist.monitoring.reference import Reference
from securemnist.monitoring.settings import MonitorSettings

__all__ = ["Alarm", "Monitor", "MonitorSettings", "Reference"]
