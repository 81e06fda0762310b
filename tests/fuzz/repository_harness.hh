// A repository in memory for targets that read layers: objects are written and thrown away with each input.
#pragma once

#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "base/progress.hh"
#include "base/task_pool.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/layer.hh"
#include "ostree/tree/layer_entries.hh"
#include "ostree/tree/layer_path.hh"
#include "tests/fuzz/fuzz_support.hh"
#include "tests/support/temp_directory.hh"

namespace osb::fuzz {

class RepositoryHarness {
  public:
    RepositoryHarness() {
        ostree::Repository::create(directory_ / "repo", ostree::RepoMode::archive);
        std::ofstream config(directory_ / "repo/config", std::ios::app);
        config << "fsync=false\nmin-free-space-percent=0\n";
        config.close();
        repository_.emplace(ostree::Repository::open(directory_ / "repo"));
    }

    ostree::Repository& repository() { return *repository_; }

    // Runs `read` as the producer of a pool of one thread, inside a transaction that comes to nothing.
    void run(const std::function<void(ostree::ObjectWriter&, TaskPool&)>& read) {
        ostree::Transaction transaction(*repository_);
        ostree::ObjectWriter writer(*repository_);
        TaskPool pool(1, 1UL << 20U);
        pool.add_producer([&] { read(writer, pool); });
        pool.run();
    }

  private:
    test::TempDirectory directory_;
    std::optional<ostree::Repository> repository_;
};

// Entries hold what layer.hh promises, and are the same when they are written and read again.
inline void check_entries(const ostree::Layer& layer) {
    for (const ostree::LayerEntry& entry : layer.entries()) {
        require(entry.path.empty() || ostree::normalize_path(entry.path) == entry.path);
        require(entry.mode <= 07777 && entry.target.size() <= ostree::kMaxPath);
    }
    const std::string text = ostree::serialize_entries(layer);
    ostree::Layer again(layer.diff_id(), layer.kind());
    ostree::parse_entries(text, again);
    require(ostree::serialize_entries(again) == text);
}

}  // namespace osb::fuzz
