#include "tests/torture/cut_disk.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace tests {

namespace fs = std::filesystem;

struct CutDisk::Node {
  struct Write {
    bool is_truncation = false;
    uint64_t offset = 0;  // Or the new size.
    std::string bytes;
    uint64_t number = 0;
  };
  enum class NameChangeKind : uint8_t { kAdd, kRemove, kRename };
  struct NameChange {
    NameChangeKind kind;
    std::string name;
    std::string new_name;  // kRename.
    NodePtr node;
  };
  using Names = std::map<std::string, NodePtr>;

  bool is_directory = false;
  std::string synced;
  std::vector<Write> writes;  // Not synced, oldest first.
  Names names;
  Names synced_names;
  std::vector<NameChange> name_changes;

  static void Apply(std::string* content, const Write& write) {
    if (write.is_truncation) {
      content->resize(write.offset);
      return;
    }
    if (content->size() < write.offset + write.bytes.size()) {
      content->resize(write.offset + write.bytes.size());
    }
    content->replace(write.offset, write.bytes.size(), write.bytes);
  }
  static void Apply(Names* names, const NameChange& change) {
    switch (change.kind) {
      case NameChangeKind::kAdd:
        (*names)[change.name] = change.node;
        break;
      case NameChangeKind::kRemove:
        names->erase(change.name);
        break;
      case NameChangeKind::kRename:
        names->erase(change.name);
        (*names)[change.new_name] = change.node;
        break;
    }
  }
  void Change(NameChange change) {
    Apply(&names, change);
    name_changes.push_back(std::move(change));
  }
};

namespace {

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
}

}  // namespace

CutDisk::CutDisk(std::string folder, std::string model_file, const Plan& plan,
                 std::atomic<uint64_t>* operations, std::function<void()> last_words)
    : folder_(std::move(folder)),
      model_file_(std::move(model_file)),
      plan_(plan),
      last_words_(std::move(last_words)),
      operations_(*operations) {
  operations_ = 0;
  if (!LoadModel()) {
    root_ = Load(folder_);
  }
}

CutDisk::~CutDisk() = default;

CutDisk::NodePtr CutDisk::Load(const std::string& path) {
  auto node = std::make_shared<Node>();
  node->is_directory = fs::is_directory(path);
  if (!node->is_directory) {
    std::ifstream in(path, std::ios::binary);
    node->synced = {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    return node;
  }
  for (const auto& each : fs::directory_iterator(path)) {
    node->names[each.path().filename().string()] = Load(each.path().string());
  }
  node->synced_names = node->names;
  return node;
}

CutDisk::NodePtr CutDisk::Look(const std::string& path) const {
  const std::string normal = fs::path(path).lexically_normal().string();
  if (!normal.starts_with(folder_)) {
    return nullptr;
  }
  NodePtr node = root_;
  for (const fs::path& part : fs::path(normal.substr(folder_.size())).relative_path()) {
    if (part.empty()) {
      continue;
    }
    const auto found = node->names.find(part.string());
    if (found == node->names.end()) {
      return nullptr;
    }
    node = found->second;
  }
  return node;
}

CutDisk::NodePtr CutDisk::LookParent(const std::string& path, std::string* name) const {
  const fs::path normal = fs::path(path).lexically_normal();
  *name = normal.filename().string();
  return Look(normal.parent_path().string());
}

CutDisk::NodePtr CutDisk::Find(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return Look(path);
}

void CutDisk::Begin(const std::function<void(std::mt19937_64&)>& at_the_end) {
  if (++operations_ != plan_.at_operation || plan_.end == End::kNone) {
    return;
  }
  last_words_();
  if (plan_.end == End::kKill) {
    SaveModel();
    ::_exit(kKillExit);
  }
  std::mt19937_64 random(plan_.seed);
  // The operation itself may be half done.
  if (at_the_end) {
    at_the_end(random);
  }
  Cut();
  ::_exit(kCutExit);
}

void CutDisk::CutNow() {
  const std::lock_guard lock(mutex_);
  Cut();
  ::_exit(kCutExit);
}

CutDisk::NodePtr CutDisk::Create(const std::string& path, bool truncate, const Change& change) {
  const std::lock_guard lock(mutex_);
  Begin();
  if (!change()) {
    return nullptr;
  }
  std::string name;
  const NodePtr parent = LookParent(path, &name);
  if (parent == nullptr) {
    return nullptr;
  }
  const auto found = parent->names.find(name);
  if (found != parent->names.end()) {
    if (truncate) {
      found->second->writes.push_back({true, 0, "", ++write_count_});
    }
    return found->second;
  }
  auto node = std::make_shared<Node>();
  parent->Change({Node::NameChangeKind::kAdd, name, "", node});
  return node;
}

void CutDisk::CreateDirectory(const std::string& path, const Change& change) {
  const std::lock_guard lock(mutex_);
  Begin();
  std::string name;
  const NodePtr parent = LookParent(path, &name);
  if (change() && parent != nullptr && !parent->names.contains(name)) {
    auto node = std::make_shared<Node>();
    node->is_directory = true;
    parent->Change({Node::NameChangeKind::kAdd, name, "", node});
  }
}

void CutDisk::Rename(const std::string& from, const std::string& to, const Change& change) {
  const std::lock_guard lock(mutex_);
  Begin();
  std::string name;
  std::string new_name;
  const NodePtr parent = LookParent(from, &name);
  const NodePtr new_parent = LookParent(to, &new_name);
  if (!change() || parent == nullptr) {
    return;
  }
  if (parent != new_parent || !parent->names.contains(name)) {
    std::fprintf(stderr, "a rename that is not modelled: %s\n", from.c_str());
    std::abort();
  }
  parent->Change({Node::NameChangeKind::kRename, name, new_name, parent->names[name]});
}

void CutDisk::Remove(const std::string& path, const Change& change) {
  const std::lock_guard lock(mutex_);
  Begin();
  std::string name;
  const NodePtr parent = LookParent(path, &name);
  if (change() && parent != nullptr && parent->names.contains(name)) {
    parent->Change({Node::NameChangeKind::kRemove, name, "", nullptr});
  }
}

void CutDisk::SyncDirectory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Begin();
  const NodePtr node = Look(path);
  if (node != nullptr) {
    node->synced_names = node->names;
    node->name_changes.clear();
  }
}

void CutDisk::Write(const NodePtr& file, uint64_t offset, std::string_view bytes,
                    const Change& change) {
  const std::lock_guard lock(mutex_);
  Node::Write write{false, offset, std::string(bytes), ++write_count_};
  Begin([&](std::mt19937_64&) { file->writes.push_back(write); });
  if (change()) {
    file->writes.push_back(std::move(write));
  }
}

void CutDisk::Truncate(const NodePtr& file, uint64_t size, const Change& change) {
  const std::lock_guard lock(mutex_);
  Begin();
  if (change()) {
    file->writes.push_back({true, size, "", ++write_count_});
  }
}

void CutDisk::Sync(const NodePtr& file) {
  const std::lock_guard lock(mutex_);
  Begin();
  for (const Node::Write& write : file->writes) {
    Node::Apply(&file->synced, write);
  }
  file->writes.clear();
}

namespace {

// How much of what was not synced survives: nothing, some, all.
struct Luck {
  explicit Luck(std::mt19937_64& random) {
    static constexpr uint64_t kPercent[] = {0, 0, 30, 70, 95, 100};
    percent = kPercent[random() % std::size(kPercent)];
  }
  bool Keeps(std::mt19937_64& random) const { return random() % 100 < percent; }
  uint64_t percent;
};

}  // namespace

// Leaves in `node` what survives, as if it had been synced.
void CutDisk::Settle(Node& node, std::mt19937_64& random) const {
  const Luck luck(random);
  if (node.is_directory) {
    // In order, as file systems with a journal do it: some first ones.
    const size_t kept = luck.percent == 0     ? 0
                        : luck.percent == 100 ? node.name_changes.size()
                                              : random() % (node.name_changes.size() + 1);
    for (size_t i = 0; i < kept; ++i) {
      Node::Apply(&node.synced_names, node.name_changes[i]);
    }
    for (const auto& [name, child] : node.synced_names) {
      Settle(*child, random);
    }
    return;
  }
  const uint64_t sector = random() % 2 == 0 ? 512 : 4096;
  uint64_t size = node.synced.size();
  for (const Node::Write& write : node.writes) {
    size = write.is_truncation ? write.offset : std::max(size, write.offset + write.bytes.size());
    if (write.is_truncation) {
      if (luck.Keeps(random)) {
        Node::Apply(&node.synced, write);
      }
      continue;
    }
    // The last write of all may be torn at any byte, with garbage behind: within itself, never in
    // what was there before in the same sector, and in one sector where it writes over something.
    const bool is_last = write.number == write_count_;
    std::string bytes = write.bytes;
    if (is_last && random() % 2 == 0) {
      const uint64_t at = random() % (bytes.size() + 1);
      const bool is_over = write.offset < node.synced.size();
      const uint64_t most = is_over ? sector - (write.offset + at) % sector : bytes.size();
      const uint64_t end = std::min<uint64_t>(bytes.size(), at + std::min<uint64_t>(most, 512));
      for (uint64_t i = at; i < end; ++i) {
        bytes[i] = static_cast<char>(random());
      }
    }
    for (uint64_t at = write.offset; at < write.offset + bytes.size();) {
      const uint64_t end =
          std::min<uint64_t>((at / sector + 1) * sector, write.offset + bytes.size());
      if (luck.Keeps(random)) {
        Node::Apply(&node.synced, {false, at, bytes.substr(at - write.offset, end - at), 0});
      }
      at = end;
    }
  }
  // The size of a file may get there before its content.
  if (random() % 4 == 0 && size > node.synced.size()) {
    node.synced.resize(size);
  }
}

void CutDisk::Rebuild(const Node& node, const std::string& path) {
  for (const auto& [name, child] : node.synced_names) {
    const std::string child_path = path + "/" + name;
    if (child->is_directory) {
      fs::create_directory(child_path);
      Rebuild(*child, child_path);
    } else {
      WriteFile(child_path, child->synced);
    }
  }
}

void CutDisk::Cut() {
  std::mt19937_64 random(plan_.seed);
  Settle(*root_, random);
  std::vector<fs::path> old;
  for (const auto& each : fs::directory_iterator(folder_)) {
    old.push_back(each.path());
  }
  for (const fs::path& path : old) {
    fs::remove_all(path);
  }
  Rebuild(*root_, folder_);
  fs::remove(model_file_);
}

// Numbers and texts of a saved model, one after the other.
class CutDisk::Saved {
 public:
  void Put(uint64_t number) { out_ += std::to_string(number) + ' '; }
  void Put(const std::string& text) {
    Put(text.size());
    out_ += text;
  }
  const std::string& text() const { return out_; }

  explicit Saved(std::string text = "") : out_(std::move(text)) {}
  uint64_t Number() {
    const size_t end = out_.find(' ', at_);
    const uint64_t number = std::strtoull(out_.c_str() + at_, nullptr, 10);
    at_ = end + 1;
    return number;
  }
  std::string Text() {
    const uint64_t size = Number();
    at_ += size;
    return out_.substr(at_ - size, size);
  }

 private:
  std::string out_;
  size_t at_ = 0;
};

void CutDisk::SaveModel() const {
  std::map<const Node*, uint64_t> numbers = {{nullptr, 0}};
  std::vector<const Node*> nodes;
  const auto number_of = [&](const NodePtr& node) {
    const auto [place, is_new] = numbers.emplace(node.get(), numbers.size());
    if (is_new) {
      nodes.push_back(node.get());
    }
    return place->second;
  };
  Saved out;
  const auto put_names = [&](const Node::Names& names) {
    out.Put(names.size());
    for (const auto& [name, child] : names) {
      out.Put(name);
      out.Put(number_of(child));
    }
  };
  number_of(root_);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = *nodes[i];
    out.Put(uint64_t{node.is_directory});
    out.Put(node.synced);
    out.Put(node.writes.size());
    for (const Node::Write& write : node.writes) {
      out.Put(uint64_t{write.is_truncation});
      out.Put(write.offset);
      out.Put(write.bytes);
    }
    put_names(node.names);
    put_names(node.synced_names);
    out.Put(node.name_changes.size());
    for (const Node::NameChange& change : node.name_changes) {
      out.Put(static_cast<uint64_t>(change.kind));
      out.Put(change.name);
      out.Put(change.new_name);
      out.Put(number_of(change.node));
    }
  }
  WriteFile(model_file_, std::to_string(nodes.size()) + ' ' + out.text());
}

bool CutDisk::LoadModel() {
  std::ifstream file(model_file_, std::ios::binary);
  if (!file) {
    return false;
  }
  Saved in({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  std::vector<NodePtr> nodes(in.Number() + 1);
  for (size_t i = 1; i < nodes.size(); ++i) {
    nodes[i] = std::make_shared<Node>();
  }
  const auto read_names = [&](Node::Names* names) {
    for (uint64_t left = in.Number(); left > 0; --left) {
      const std::string name = in.Text();
      (*names)[name] = nodes[in.Number()];
    }
  };
  for (size_t i = 1; i < nodes.size(); ++i) {
    Node& node = *nodes[i];
    node.is_directory = in.Number() != 0;
    node.synced = in.Text();
    for (uint64_t left = in.Number(); left > 0; --left) {
      Node::Write write;
      write.is_truncation = in.Number() != 0;
      write.offset = in.Number();
      write.bytes = in.Text();
      node.writes.push_back(std::move(write));
    }
    read_names(&node.names);
    read_names(&node.synced_names);
    for (uint64_t left = in.Number(); left > 0; --left) {
      Node::NameChange change;
      change.kind = static_cast<Node::NameChangeKind>(in.Number());
      change.name = in.Text();
      change.new_name = in.Text();
      change.node = nodes[in.Number()];
      node.name_changes.push_back(std::move(change));
    }
  }
  root_ = nodes[1];
  return true;
}

}  // namespace tests
