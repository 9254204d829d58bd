// weir-micro: what the inner loops cost, each for itself and without disk or network. The flags are
// those of google-benchmark; see README.md in this folder.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bench/client.h"
#include "bench/discarding_file_ops.h"
#include "engine/block.h"
#include "engine/effects.h"
#include "engine/journal.h"
#include "engine/limits.h"
#include "engine/pending_page.h"
#include "engine/stream_id.h"
#include "resp/parser.h"
#include "resp/writer.h"

namespace bench {
namespace {

constexpr uint64_t kFirstMs = 1'700'000'000'000;
// Of the kind a stream's key, an entry and a batch have in the workloads.
constexpr std::string_view kKey = "weir-bench:00000000";
constexpr uint32_t kWords = 2;

std::string Entry() {
  std::string payload;
  resp::Writer writer(&payload);
  writer.Bulk("f");
  writer.Bulk(std::string(100, 'x'));
  return payload;
}

// Names the time of one operation beside that of an iteration, which does `per_iteration`.
void CountOperations(benchmark::State& state, double per_iteration) {
  state.counters["per_op"] = benchmark::Counter(
      per_iteration, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// A run that measures something else than it says is worse than none.
void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "weir-micro: %s\n", what);
  std::abort();
}

// Pipelined XADD, all in one read.
void ParseXadd(benchmark::State& state) {
  const auto pipeline = static_cast<size_t>(state.range(0));
  const std::string value(100, 'x');
  std::string bytes;
  for (size_t i = 0; i < pipeline; ++i) AppendRequest({"XADD", kKey, "*", "f", value}, &bytes);
  resp::Parser parser;
  for (auto _ : state) {
    std::string_view rest = bytes;
    size_t requests = 0;
    while (parser.Next(rest, {}) == resp::ParseResult::kRequest) {
      benchmark::DoNotOptimize(parser.request().args.data());
      rest.remove_prefix(parser.consumed());
      ++requests;
    }
    Require(requests == pipeline, "the parser lost a request");
  }
  CountOperations(state, static_cast<double>(pipeline));
}
BENCHMARK(ParseXadd)->Arg(1)->Arg(16)->Arg(128);

// Replies of XADD: ids.
void FormatIds(benchmark::State& state) {
  constexpr size_t kIds = 128;
  std::string out;
  char text[engine::kMaxStreamIdText];
  for (auto _ : state) {
    out.clear();
    resp::Writer writer(&out);
    for (uint64_t seq = 0; seq < kIds; ++seq) {
      const size_t size = engine::FormatStreamId({kFirstMs, seq}, text);
      writer.Bulk({text, size});
    }
    benchmark::DoNotOptimize(out.data());
  }
  CountOperations(state, kIds);
}
BENCHMARK(FormatIds);

engine::Block FullBlock() {
  engine::Block block({kFirstMs, 0});
  const std::string payload = Entry();
  for (uint64_t seq = 0; block.byte_size() < engine::kBlockTargetBytes; ++seq) {
    block.Append({kFirstMs, seq}, seq % 100 == 0, kWords, payload);
  }
  return block;
}

// The reply of XREADGROUP COUNT 100: read from a block, formatted.
void FormatEntries(benchmark::State& state) {
  constexpr size_t kEntries = 100;
  const engine::Block block = FullBlock();
  std::string out;
  char text[engine::kMaxStreamIdText];
  for (auto _ : state) {
    out.clear();
    resp::Writer writer(&out);
    writer.ArrayHeader(kEntries);
    auto cursor = block.SeekAtOrAfter({kFirstMs, 1});
    for (size_t i = 0; i < kEntries; ++i, cursor.Next()) {
      writer.ArrayHeader(2);
      writer.Bulk({text, engine::FormatStreamId(cursor.entry().id, text)});
      writer.ArrayHeader(cursor.entry().arg_count);
      writer.Raw(cursor.entry().payload);
    }
    benchmark::DoNotOptimize(out.data());
  }
  CountOperations(state, kEntries);
}
BENCHMARK(FormatEntries);

void BlockAppend(benchmark::State& state) {
  size_t entries = 0;
  for (auto _ : state) {
    const engine::Block block = FullBlock();
    entries = block.entry_count();
    benchmark::DoNotOptimize(&block);
  }
  CountOperations(state, static_cast<double>(entries));
}
BENCHMARK(BlockAppend);

void BlockScan(benchmark::State& state) {
  const engine::Block block = FullBlock();
  for (auto _ : state) {
    size_t bytes = 0;
    for (auto cursor = block.Begin(); cursor.valid(); cursor.Next()) {
      bytes += cursor.entry().payload.size();
    }
    benchmark::DoNotOptimize(bytes);
  }
  CountOperations(state, block.entry_count());
}
BENCHMARK(BlockScan);

// What a checkpoint does with a full block.
void BlockEncode(benchmark::State& state) {
  engine::Block block = FullBlock();
  std::string out;
  for (auto _ : state) {
    out.clear();
    block.EncodeUnsaved(&out);
    block.RevertSaved();
    benchmark::DoNotOptimize(out.data());
  }
  CountOperations(state, block.entry_count());
}
BENCHMARK(BlockEncode);

// What reading a block that is not in memory does.
void BlockDecode(benchmark::State& state) {
  engine::Block block = FullBlock();
  std::string stored;
  block.EncodeUnsaved(&stored);
  for (auto _ : state) {
    const auto decoded = engine::Block::Decode(block.first_id(), stored);
    Require(decoded.ok(), "a block cannot be read back");
    benchmark::DoNotOptimize(&decoded);
  }
  CountOperations(state, block.entry_count());
}
BENCHMARK(BlockDecode);

engine::PendingPage FullPage() {
  engine::PendingPage page;
  for (uint64_t seq = 0; seq < engine::kMaxPendingRecords; ++seq) {
    page.Insert({.id = {kFirstMs, seq},
                 .delivery_ms = 1000,
                 .first_delivery_ms = 1000,
                 .sequence = seq,
                 .count = 1,
                 .owner = 1,
                 .reason = {}});
  }
  return page;
}

// Delivery and acknowledgement of a page full of entries.
void PageInsertErase(benchmark::State& state) {
  for (auto _ : state) {
    engine::PendingPage page = FullPage();
    for (uint64_t seq = 0; seq < engine::kMaxPendingRecords; ++seq) page.Erase({kFirstMs, seq});
    Require(page.empty(), "a record is left in the page");
  }
  CountOperations(state, engine::kMaxPendingRecords);
}
BENCHMARK(PageInsertErase);

void PageEncode(benchmark::State& state) {
  const engine::PendingPage page = FullPage();
  std::string out;
  for (auto _ : state) {
    out.clear();
    page.Encode(&out);
    benchmark::DoNotOptimize(out.data());
  }
  CountOperations(state, page.count());
  state.counters["bytes_per_record"] = static_cast<double>(out.size()) / page.count();
}
BENCHMARK(PageEncode);

void PageDecode(benchmark::State& state) {
  std::string stored;
  FullPage().Encode(&stored);
  for (auto _ : state) {
    const auto decoded = engine::PendingPage::Decode(stored);
    Require(decoded.ok(), "a page cannot be read back");
    benchmark::DoNotOptimize(&decoded);
  }
  CountOperations(state, engine::kMaxPendingRecords);
}
BENCHMARK(PageDecode);

// Notes the effects of one turn of so many XADD.
void RecordTurn(size_t entries, std::string_view payload, engine::Recorder* recorder) {
  const uint32_t stream = recorder->NameStream({.physical_db = 0, .uid = 1, .key = kKey});
  for (uint64_t seq = 0; seq < entries; ++seq) {
    recorder->Add(stream, engine::EntryAdded{.id = {kFirstMs, seq},
                                             .arg_count = kWords,
                                             .data_bytes = payload.size(),
                                             .payload = payload});
  }
}

void EncodeRecord(benchmark::State& state) {
  const auto entries = static_cast<size_t>(state.range(0));
  const std::string payload = Entry();
  engine::Recorder recorder;
  std::string spare;
  for (auto _ : state) {
    RecordTurn(entries, payload, &recorder);
    spare = recorder.Take(std::move(spare));
    benchmark::DoNotOptimize(spare.data());
    spare.clear();
  }
  CountOperations(state, static_cast<double>(entries));
}
BENCHMARK(EncodeRecord)->Arg(1)->Arg(16)->Arg(128);

// Encoding a turn's record and writing it to a journal whose disk takes no time.
void Commit(benchmark::State& state) {
  constexpr engine::Turn kTurnsBetweenCheckpoints = 1000;
  const auto entries = static_cast<size_t>(state.range(0));
  const std::string payload = Entry();
  DiscardingFileOps ops;
  engine::JournalOptions options;
  options.directory = "journal";
  options.create_if_missing = true;
  options.sync_mode = engine::SyncMode::kAlways;
  options.use_thread = false;
  options.file_ops = &ops;
  auto journal = engine::Journal::Open(options);
  Require(journal.ok(), "the journal does not open");
  const auto no_record = [](const engine::JournalRecord&) { return engine::OkStatus(); };
  Require((*journal)->Replay(0, no_record).ok() && (*journal)->Start().ok(),
          "the journal does not start");
  engine::Recorder recorder;
  engine::Turn turn = 0;
  for (auto _ : state) {
    RecordTurn(entries, payload, &recorder);
    (*journal)->Append(++turn, 1, recorder.Take((*journal)->TakeBuffer()));
    if (turn % kTurnsBetweenCheckpoints == 0) (*journal)->OnCheckpoint(turn);
  }
  Require(!(*journal)->failed() && (*journal)->durable_turn() == turn, "the journal has failed");
  CountOperations(state, static_cast<double>(entries));
}
BENCHMARK(Commit)->Arg(1)->Arg(16)->Arg(128);

}  // namespace
}  // namespace bench

BENCHMARK_MAIN();
