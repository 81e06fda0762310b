#include "ostree/import/file_fetch.hh"

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/file_plan.hh"
#include "ostree/import/file_store.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/import/layer_builder.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/import/range_reader.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/image_budget.hh"

namespace osb::ostree {

// The fetch of one layer.
struct FileFetch::Job {
    std::size_t index = 0;
    std::shared_ptr<const oci::Toc> table;  // nullptr: the layer is to be read whole
    FilePlan plan;
    std::size_t next = 0;  // in plan.ranges
    // The checksums of the objects of files that are stored.
    std::unordered_map<const oci::TocEntry*, Sha256> objects;
    std::shared_ptr<Layer> layer;  // after build()

    std::uint64_t bytes_left() const { return table == nullptr ? 0 : bytes_of(plan.ranges, next); }
};

namespace {

// Files that one producer takes from the repository.
constexpr std::size_t kGroupsAtOnce = 64;
// A large file is written at once for all of its owners and modes, each to an open file.
constexpr std::size_t kMaxMetas = 64;

// Builds a layer from its table, when its files are stored.
class TableLayerBuilder final : public LayerBuilder {
  public:
    using Objects = std::unordered_map<const oci::TocEntry*, Sha256>;

    TableLayerBuilder(const std::shared_ptr<Layer>& layer, ObjectWriter& writer, ImageBudget& budget,
                      const Objects& objects)
        : LayerBuilder(layer, writer, budget), writer_(writer), objects_(objects) {}

    void add(const oci::TocEntry& entry) {
        current_ = &entry;
        take(entry.tar);
    }

  private:
    void take_content(const oci::TarEntry& entry, LayerEntry& out, XattrBytes xattrs) override {
        if (entry.size == 0) {
            out.checksum = writer_.write_file(file_meta(out, S_IFREG, xattrs), {}, {});
            return;
        }
        out.checksum = objects_.at(current_);
        layer()->digests().push_back({.digest = current_->digest.value(), .size = entry.size, .entry = &out});
    }

    ObjectWriter& writer_;
    const Objects& objects_;
    const oci::TocEntry* current_ = nullptr;
};

// Adds a content without a path.
void add_content(Layer& layer, const KnownContent& content) {
    LayerEntry& entry = layer.entries().emplace_back();
    entry.checksum = content.object;
    layer.digests().push_back({.digest = content.digest, .size = content.size, .entry = &entry});
}

}  // namespace

// One pass over several layers.
class FileFetch::Run {
  public:
    Run(FileFetch& fetch, ObjectWriter& writer) : fetch_(fetch), writer_(writer) {}

    void fetch_ranges(Progress& progress, std::uint64_t limit) {
        TaskPool pool(fetch_threads(fetch_.threads_));
        std::uint64_t bytes = 0;
        for (const auto& job : fetch_.jobs_) {
            if (job->table == nullptr) continue;
            for (; job->next < job->plan.ranges.size() && bytes < limit; ++job->next) {
                const BlobRange& range = job->plan.ranges[job->next];
                bytes += range.end - range.begin;
                pool.add_producer([this, job, &range, &progress, &pool] {
                    guarded(*job, [&] { fetch_range(*job, range, progress, pool); });
                });
            }
        }
        pool.run();
        drop_failed();
        fetch_.bytes_fetched_ += bytes;
    }

    void take_known() {
        TaskPool pool(fetch_.threads_);
        for (const auto& job : fetch_.jobs_) {
            if (job->table == nullptr) continue;
            for (std::size_t i = 0; i < job->plan.groups.size(); i += kGroupsAtOnce) {
                pool.add_producer(
                    [this, job, i, &pool] { guarded(*job, [&] { take_known_groups(*job, i, pool); }); });
            }
        }
        pool.run();
        drop_failed();
    }

    void build_layers() {
        TaskPool pool(fetch_.threads_);
        for (const auto& job : fetch_.jobs_) {
            if (job->table == nullptr) continue;
            pool.add_producer([this, job] { guarded(*job, [&] { build_layer(*job); }); });
        }
        pool.run();
        drop_failed();
    }

  private:
    void fetch_range(Job& job, const BlobRange& range, Progress& progress, TaskPool& pool) {
        read_blob_range(fetch_.image_, job.index, range, progress,
                        [&](const BlobPart& part, Source& content) {
                            const FileGroup& group = job.plan.groups[part.object];
                            with_entry(group, [&] { store(job, group, group.files, content, pool); });
                        });
    }

    template<typename Work>
    static void with_entry(const FileGroup& group, const Work& work) {
        with_context([&] { return concat("entry ", quoted(group.files.front()->tar.path)); }, work);
    }

    // Stores the content for these files of the group.
    void store(Job& job, const FileGroup& group, const std::vector<const oci::TocEntry*>& files,
               Source& content, TaskPool& pool) {
        std::vector<ObjectMeta> metas;
        std::vector<std::size_t> places;  // of the files, in `metas`
        for (const oci::TocEntry* const file : files) {
            ObjectMeta meta = object_meta(file->tar, writer_.mode());
            const auto known = std::find(metas.begin(), metas.end(), meta);
            places.push_back(static_cast<std::size_t>(known - metas.begin()));
            if (known == metas.end()) metas.push_back(std::move(meta));
            if (metas.size() > kMaxMetas)
                throw Error(ErrorKind::unsupported, "too many owners and modes of one content");
        }
        const std::vector<Sha256> checksums =
            store_content(writer_, pool, content, group.size, group.digest, metas);
        const std::lock_guard guard(mutex_);
        for (std::size_t i = 0; i < files.size(); ++i) job.objects[files[i]] = checksums[places[i]];
    }

    void take_known_groups(Job& job, std::size_t first, TaskPool& pool) {
        const std::size_t end = std::min(job.plan.groups.size(), first + kGroupsAtOnce);
        for (std::size_t i = first; i < end; ++i) {
            check_interrupt();
            const FileGroup& group = job.plan.groups[i];
            if (!group.is_missing) with_entry(group, [&] { take_known_group(job, group, pool); });
        }
    }

    // Names the objects that have the metadata, too, and writes those of the other files.
    void take_known_group(Job& job, const FileGroup& group, TaskPool& pool) {
        const auto known = fetch_.index_->find(group.digest, group.size);
        std::vector<std::pair<ObjectMeta, Sha256>> objects;
        for (const KnownContent& content : known) {
            ContentObject object = read_object_header(fetch_.repository_, content.object);
            if (object.size != group.size) continue;
            objects.emplace_back(ObjectMeta{.uid = object.uid,
                                            .gid = object.gid,
                                            .mode = object.mode,
                                            .xattrs = std::move(object.xattrs)},
                                 content.object);
        }
        std::vector<const oci::TocEntry*> others;
        for (const oci::TocEntry* const file : group.files) {
            const ObjectMeta meta = object_meta(file->tar, writer_.mode());
            const auto same = std::find_if(objects.begin(), objects.end(),
                                           [&](const auto& object) { return object.first == meta; });
            if (same == objects.end()) {
                others.push_back(file);
                continue;
            }
            const std::lock_guard guard(mutex_);
            job.objects[file] = same->second;
        }
        if (others.empty()) return;
        const ContentObject object = open_object(fetch_.repository_, known.front().object);
        if (object.content == nullptr || object.size != group.size)
            throw Error(ErrorKind::invalid, concat("the object ", to_hex(known.front().object),
                                                   " does not have the recorded content"));
        store(job, group, others, *object.content, pool);
    }

    void build_layer(Job& job) {
        const oci::Digest& diff_id = fetch_.image_.config.diff_ids[job.index];
        const auto layer = std::make_shared<Layer>(diff_id);
        layer->table = table_key(fetch_.image_.manifest.layers[job.index], diff_id);
        ImageBudget budget;  // the caller charges the layer to that of the image
        TableLayerBuilder builder(layer, writer_, budget, job.objects);
        for (const oci::TocEntry& entry : job.table->entries) {
            check_interrupt();
            builder.add(entry);
        }
        builder.finish();
        job.layer = layer;
    }

    // Runs `work`. An error of the layer's data, or of an object that is damaged or was removed, only ends
    // the fetch of this layer by files.
    template<typename Work>
    void guarded(Job& job, const Work& work) {
        try {
            work();
        } catch (const Error& error) {
            if (!is_fault_of_layer(error) && error.kind() != ErrorKind::not_found) throw;
            const std::lock_guard guard(mutex_);
            if (failed_.emplace(job.index, error.message()).second && error.code() != "no_ranges") {
                log_warning(concat(describe_layer(fetch_.image_, job.index), ": ", error.message(),
                                   "; reading the whole layer"));
            }
        }
    }

    void drop_failed() {
        for (const auto& job : fetch_.jobs_) {
            if (!failed_.contains(job->index)) continue;
            job->table = nullptr;
            job->layer = nullptr;
        }
        failed_.clear();
    }

    FileFetch& fetch_;
    ObjectWriter& writer_;
    std::mutex mutex_;  // protects the objects of jobs, and all below
    std::map<std::size_t, std::string> failed_;
};

FileFetch::FileFetch(const Repository& repository, const oci::Image& image,
                     const std::vector<std::size_t>& unread, ImageTables& tables, FetchWay way,
                     unsigned threads)
    : repository_(repository), image_(image), threads_(threads) {
    // Without known digests, tables of contents would be read in vain.
    const bool in_vain = way == FetchWay::automatic && !has_known_contents(repository);
    if (unread.empty() || way == FetchWay::layers || in_vain) return;
    read_tables(unread, tables);
    plan(way);
    keep_within_limits();
    const auto is_whole = [](const std::shared_ptr<Job>& job) { return job->table == nullptr; };
    const bool must_cover = way == FetchWay::objects && encapsulated_layers(image) == 0;
    if (must_cover && std::any_of(jobs_.begin(), jobs_.end(), is_whole)) throw_no_table();
}

void FileFetch::read_tables(const std::vector<std::size_t>& unread, ImageTables& tables) {
    TaskPool pool(fetch_threads(threads_));
    for (const std::size_t index : unread) {
        const auto job = std::make_shared<Job>();
        job->index = index;
        jobs_.push_back(job);
        pool.add_producer([job, &tables] { job->table = tables.find_files(job->index); });
    }
    pool.run();
}

void FileFetch::plan(FetchWay way) {
    std::vector<std::shared_ptr<const oci::Toc>> tables;
    for (const auto& job : jobs_) {
        if (job->table != nullptr) tables.push_back(job->table);
    }
    index_.emplace(repository_, tables);
    for (const auto& job : jobs_) {
        if (job->table == nullptr) continue;
        try {
            job->plan = plan_files(*job->table, [this](const Sha256& digest, std::uint64_t size) {
                return !index_->find(digest, size).empty();
            });
        } catch (const Error& error) {
            log_debug(concat(describe_layer(image_, job->index), ": ", error.message()));
            job->table = nullptr;
            continue;
        }
        const std::uint64_t whole = image_.manifest.layers[job->index].size;
        if (way == FetchWay::automatic && job->plan.bytes > whole / 100 * kWholeLayerPercent)
            job->table = nullptr;
    }
}

void FileFetch::keep_within_limits() {
    ImageBudget budget;
    for (const auto& job : jobs_) {
        if (job->table == nullptr) continue;
        try {
            LayerMeter(budget).unpacked(job->plan.unpacked, image_.manifest.layers[job->index].size);
        } catch (const Error& error) {
            log_debug(concat(describe_layer(image_, job->index), ": ", error.message()));
            job->table = nullptr;
        }
    }
}

std::uint64_t FileFetch::bytes() const noexcept {
    std::uint64_t out = 0;
    for (const auto& job : jobs_) out += job->bytes_left();
    return out;
}

std::uint64_t FileFetch::requests() const noexcept {
    std::uint64_t out = 0;
    for (const auto& job : jobs_) {
        if (job->table != nullptr) out += job->plan.ranges.size();
    }
    return out;
}

const FileFetch::Job* FileFetch::find(std::size_t index) const {
    for (const auto& job : jobs_) {
        if (job->index == index && job->table != nullptr) return job.get();
    }
    return nullptr;
}

bool FileFetch::covers(std::size_t index) const {
    return find(index) != nullptr;
}

void FileFetch::run(ObjectWriter& writer, Progress& progress, std::uint64_t limit) {
    if (bytes() == 0) return;
    progress.begin("fetching files", std::min(limit, bytes()));
    Run(*this, writer).fetch_ranges(progress, limit);
}

void FileFetch::build(ObjectWriter& writer) {
    Run run(*this, writer);
    run.take_known();
    run.build_layers();
}

std::shared_ptr<const Layer> FileFetch::layer(std::size_t index) const {
    const Job* const job = find(index);
    return job == nullptr ? nullptr : job->layer;
}

std::vector<std::shared_ptr<const Layer>> FileFetch::partial_layers() const {
    std::vector<std::shared_ptr<const Layer>> out;
    for (const auto& job : jobs_) {
        if (job->objects.empty()) continue;
        const oci::Digest& diff_id = image_.config.diff_ids[job->index];
        const auto layer = std::make_shared<Layer>(diff_id);
        layer->is_partial = true;
        layer->table = table_key(image_.manifest.layers[job->index], diff_id, kPartialTable);
        for (const auto& [file, object] : job->objects)
            add_content(*layer, {.digest = file->digest.value(), .size = file->tar.size, .object = object});
        // Some of these may be known from an earlier part only, whose ref this one replaces.
        for (const FileGroup& group : job->plan.groups) {
            const auto known = index_->find(group.digest, group.size);
            if (!known.empty()) add_content(*layer, known.front());
        }
        out.push_back(layer);
    }
    return out;
}

}  // namespace osb::ostree
