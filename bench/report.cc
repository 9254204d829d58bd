#include "bench/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace bench {
namespace {

struct Field {
  const char* name;
  double Measurement::*value;
};

constexpr Field kFields[] = {
    {"operations_per_s", &Measurement::operations_per_s},
    {"p50_us", &Measurement::p50_us},
    {"p99_us", &Measurement::p99_us},
    {"p999_us", &Measurement::p999_us},
    {"max_us", &Measurement::max_us},
    {"late_p999_us", &Measurement::late_p999_us},
    {"server_cpu_s_per_million", &Measurement::server_cpu_s_per_million},
    {"client_cpu_share", &Measurement::client_cpu_share},
    {"resident_mib", &Measurement::resident_mib},
};

[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  const int size = std::vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  return {text, std::min(static_cast<size_t>(size), sizeof(text) - 1)};
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += Format("\\u%04x", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string Pair(std::string_view name, std::string_view text) {
  return Quoted(name) + ": " + Quoted(text);
}

std::string MeasurementJson(const Measurement& run) {
  std::string out = "{";
  for (const Field& field : kFields) {
    if (out.size() > 1) out += ", ";
    out += Quoted(field.name) + Format(": %.3f", run.*field.value);
  }
  return out + '}';
}

std::string SeriesJson(const std::vector<Measurement>& runs, double Measurement::*judged) {
  Measurement median;
  for (const Field& field : kFields) median.*field.value = Median(runs, field.value);
  std::string out = "{\"median\": " + MeasurementJson(median) +
                    Format(", \"spread\": %.4f, \"runs\": [", Spread(runs, judged));
  for (size_t i = 0; i < runs.size(); ++i) {
    out += (i == 0 ? "\n        " : ",\n        ") + MeasurementJson(runs[i]);
  }
  return out + "]}";
}

std::string ComparisonJson(const Comparison& comparison) {
  std::string out = "    {" + Pair("workload", comparison.workload) + ", " +
                    Pair("appendfsync", comparison.appendfsync) + ", " +
                    Pair("peer_mode", comparison.peer_mode);
  if (!comparison.problem.empty()) return out + ", " + Pair("problem", comparison.problem) + '}';
  const auto judged =
      comparison.judged_by_latency ? &Measurement::p99_us : &Measurement::operations_per_s;
  return out + Format(", \"ratio\": %.4f, ", comparison.ratio()) +
         Pair("ratio_of", comparison.judged_by_latency ? "p99" : "rate") +
         Format(", \"ratio_p99\": %.4f", comparison.LatencyRatio(&Measurement::p99_us)) +
         Format(", \"ratio_p999\": %.4f", comparison.LatencyRatio(&Measurement::p999_us)) +
         ",\n      \"weir\": " + SeriesJson(comparison.weir, judged) +
         ",\n      \"peer\": " + SeriesJson(comparison.peer, judged) + '}';
}

std::string EnvironmentJson(const Environment& environment) {
  return "{" + Pair("date", environment.date) + ", " + Pair("commit", environment.commit) + ", " +
         Pair("compiler", environment.compiler) + ",\n    " + Pair("kernel", environment.kernel) +
         ", " + Pair("cpu_model", environment.cpu_model) +
         Format(", \"cpu_count\": %u, ", environment.cpu_count) + Pair("disk", environment.disk) +
         "}";
}

}  // namespace

double Comparison::ratio() const {
  if (judged_by_latency) return LatencyRatio(&Measurement::p99_us);
  const double base = Median(peer, &Measurement::operations_per_s);
  return base > 0 ? Median(weir, &Measurement::operations_per_s) / base : 0;
}

double Comparison::LatencyRatio(double Measurement::*latency) const {
  const double base = Median(weir, latency);
  return base > 0 ? Median(peer, latency) / base : 0;
}

double Median(const std::vector<Measurement>& runs, double Measurement::*field) {
  if (runs.empty()) return 0;
  std::vector<double> values;
  for (const Measurement& run : runs) values.push_back(run.*field);
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Spread(const std::vector<Measurement>& runs, double Measurement::*field) {
  const double median = Median(runs, field);
  if (median <= 0) return 0;
  const auto [low, high] = std::minmax_element(
      runs.begin(), runs.end(),
      [field](const Measurement& a, const Measurement& b) { return a.*field < b.*field; });
  return ((*high).*field - (*low).*field) / median;
}

std::string TableHeader() {
  constexpr char kRow[] = "%-18s %-15s %10s %4s %10s %4s %6s %9s %9s %9s %9s %8s %8s %6s %6s\n";
  return Format(kRow, "workload", "fsync", "weir op/s", "sp%", "peer op/s", "sp%", "ratio",
                "weir p99", "peer p99", "w p99.9", "p p99.9", "weir cpu", "peer cpu", "client",
                "client") +
         Format(kRow, "", "", "", "", "", "", "", "ms", "ms", "ms", "ms", "s/Mop", "s/Mop", "weir%",
                "peer%");
}

std::string TableRow(const Comparison& comparison) {
  const std::string mode = comparison.peer_mode == comparison.appendfsync
                               ? comparison.appendfsync
                               : comparison.appendfsync + '/' + comparison.peer_mode;
  const std::string name = Format("%-18s %-15s ", comparison.workload.c_str(), mode.c_str());
  if (!comparison.problem.empty()) return name + "FAILED: " + comparison.problem + '\n';
  const auto weir = [&](double Measurement::*field) { return Median(comparison.weir, field); };
  const auto peer = [&](double Measurement::*field) { return Median(comparison.peer, field); };
  const auto judged =
      comparison.judged_by_latency ? &Measurement::p99_us : &Measurement::operations_per_s;
  std::string row =
      name +
      Format("%10.0f %4.0f %10.0f %4.0f %6.2f ", weir(&Measurement::operations_per_s),
             Spread(comparison.weir, judged) * 100, peer(&Measurement::operations_per_s),
             Spread(comparison.peer, judged) * 100, comparison.ratio()) +
      Format("%9.2f %9.2f %9.2f %9.2f ", weir(&Measurement::p99_us) / 1000,
             peer(&Measurement::p99_us) / 1000, weir(&Measurement::p999_us) / 1000,
             peer(&Measurement::p999_us) / 1000) +
      Format("%8.2f %8.2f %6.0f %6.0f\n", weir(&Measurement::server_cpu_s_per_million),
             peer(&Measurement::server_cpu_s_per_million),
             weir(&Measurement::client_cpu_share) * 100,
             peer(&Measurement::client_cpu_share) * 100);
  if (comparison.judged_by_latency) {
    row += Format("%-18s peer / weir: p99 %.2f, p99.9 %.2f; client late p99.9 ms: %.2f, %.2f\n", "",
                  comparison.ratio(), comparison.LatencyRatio(&Measurement::p999_us),
                  weir(&Measurement::late_p999_us) / 1000, peer(&Measurement::late_p999_us) / 1000);
  }
  return row;
}

std::string ToJson(const Report& report) {
  std::string out = "{\n  \"environment\": " + EnvironmentJson(report.environment) + ",\n  " +
                    Pair("command_line", report.command_line) + ",\n  \"weir\": {" +
                    Pair("version", report.weir_version) + ", " +
                    Pair("command", report.weir_command) + "},\n  \"peer\": {" +
                    Pair("version", report.peer_version) + ", " +
                    Pair("command", report.peer_command) + "},\n  \"results\": [\n";
  for (size_t i = 0; i < report.comparisons.size(); ++i) {
    if (i > 0) out += ",\n";
    out += ComparisonJson(report.comparisons[i]);
  }
  return out + "\n  ]\n}\n";
}

}  // namespace bench
