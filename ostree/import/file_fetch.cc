#include "ostree/import/file_fetch.hh"

#include <algorithm>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "ostree/import/content_objects.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/failed_layers.hh"
#include "ostree/import/file_plan.hh"
#include "ostree/import/file_store.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/import/range_reader.hh"
#include "ostree/import/table_layer.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/image_budget.hh"

namespace osb::ostree {

// The fetch of one layer.
struct FileFetch::Job {
    Job(std::size_t index_in_image, ImageBudget& image_budget)
        : index(index_in_image), budget(image_budget), meter_(image_budget) {}

    const std::size_t index;
    ImageBudget& budget;
    std::shared_ptr<const FileTable> table;  // nullptr: the layer is to be read whole
    FilePlan plan;
    std::optional<oci::TocRange> proof;  // the tar-split data, with which the diffID is checked
    std::size_t next = 0;                // in plan.ranges
    std::unique_ptr<ContentObjects> objects;
    std::string tar_split;  // the bytes of `proof`
    TableLayer built;
    std::shared_ptr<const Layer> layer;  // after build()

    std::uint64_t content_left() const { return table == nullptr ? 0 : bytes_of(plan.ranges, next); }
    std::uint64_t bytes_left() const {
        const bool lacks_proof = table != nullptr && proof && tar_split.empty();
        return content_left() + (lacks_proof ? proof->size : 0);
    }

    // The layer is built of what the table says, which the manifest names.
    bool is_by_table() const { return !proof && table->is_in_manifest; }

    // Charges a content that is written `times` times. Thread-safe.
    void charge(std::uint64_t size, std::size_t times, std::uint64_t blob_size) {
        const std::lock_guard guard(meter_mutex_);
        for (std::size_t i = 0; i < times; ++i) meter_.unpacked(size, blob_size);
    }

    // Adds an object to `objects`. Thread-safe.
    void add_object(std::size_t group, ObjectMeta meta, const Sha256& object) {
        constexpr std::size_t kNode = 4 * sizeof(void*);  // of a map
        budget.keep(kNode + sizeof(group) + sizeof meta + meta.xattrs.size() + sizeof object);
        objects->add(group, std::move(meta), object);
    }

  private:
    std::mutex meter_mutex_;
    LayerMeter meter_;  // of contents that are written
};

namespace {

// Files that one producer takes from the repository, or writes.
constexpr std::size_t kFilesAtOnce = 64;
// A content is written at once for so many of its owners and modes. A large one is written to open files.
constexpr std::size_t kMaxMetas = 64;
constexpr std::size_t kMaxStreams = 4;

// The tar-split data of a layer, unless they are beyond the limit of tables.
std::optional<oci::TocRange> find_proof(const FileTable& table) {
    const auto& out = table.location.tar_split;
    return out && out->size <= oci::kMaxToc ? out : std::nullopt;
}

// Adds a content without a path.
void add_content(Layer& layer, const FileGroup& group, const Sha256& object) {
    LayerEntry& entry = layer.entries().emplace_back();
    entry.checksum = object;
    layer.digests().push_back({.digest = group.digest, .size = group.size, .entry = &entry});
}

}  // namespace

// One pass over several layers.
class FileFetch::Run {
  public:
    Run(FileFetch& fetch, ObjectWriter& writer) : fetch_(fetch), writer_(writer), failed_(fetch.image_) {}

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

    // Proofs are kept in memory, so they are fetched when they are used.
    void fetch_proofs(Progress& progress) {
        TaskPool pool(fetch_threads(fetch_.threads_));
        std::uint64_t bytes = 0;
        for (const auto& job : fetch_.jobs_) {
            if (job->table == nullptr || !job->proof) continue;
            bytes += job->proof->size;
            pool.add_producer(
                [this, job, &progress] { guarded(*job, [&] { fetch_proof(*job, progress); }); });
        }
        if (bytes == 0) return;
        progress.begin("fetching tar-split data", bytes);
        pool.run();
        drop_failed();
        fetch_.bytes_fetched_ += bytes;
    }

    void build() {
        in_slices([](const Job& job) { return job.plan.groups.size(); },
                  [this](Job& job, std::size_t i, TaskPool& /*pool*/) { find_known(job, i); });
        TaskPool pool(fetch_.threads_);
        for (const auto& job : fetch_.jobs_) {
            if (job->table == nullptr) continue;
            pool.add_producer([this, job] { guarded(*job, [&] { build_layer(*job); }); });
        }
        pool.run();
        drop_failed();
        in_slices([](const Job& job) { return job.built.files.size(); },
                  [this](Job& job, std::size_t i, TaskPool& tasks) {
                      finish_file(job, job.built.files[i], tasks);
                  });
        for (const auto& job : fetch_.jobs_) {
            if (job->table != nullptr) job->layer = job->built.layer;
        }
    }

  private:
    // Calls work(job, i, pool) for each i below count(job), on all threads.
    template<typename Count, typename Work>
    void in_slices(const Count& count, const Work& work) {
        TaskPool pool(fetch_.threads_);
        for (const auto& job : fetch_.jobs_) {
            if (job->table == nullptr) continue;
            const std::size_t size = count(*job);
            for (std::size_t first = 0; first < size; first += kFilesAtOnce) {
                pool.add_producer([this, job, first, size, &work, &pool] {
                    guarded(*job, [&] {
                        for (std::size_t i = first; i < std::min(size, first + kFilesAtOnce); ++i) {
                            check_interrupt();
                            work(*job, i, pool);
                        }
                    });
                });
            }
        }
        pool.run();
        drop_failed();
    }

    void fetch_range(Job& job, const BlobRange& range, Progress& progress, TaskPool& pool) {
        read_blob_range(
            fetch_.image_, job.index, range, progress, [&](const BlobPart& part, Source& content) {
                const FileGroup& group = job.plan.groups[part.object];
                with_context([&] { return concat("entry ", quoted(group.files.front()->tar.path)); },
                             [&] { store_fetched(job, part.object, content, pool); });
            });
    }

    void fetch_proof(Job& job, Progress& progress) {
        job.tar_split = oci::read_range(*fetch_.image_.source, fetch_.image_.manifest.layers[job.index],
                                        job.proof->offset, job.proof->size);
        progress.advance(job.proof->size);
    }

    std::uint64_t blob_size(const Job& job) const { return fetch_.image_.manifest.layers[job.index].size; }

    // The metadata with which a fetched content is stored. As long as the layer's archive has to be proved,
    // the file is nobody's to run: finish_file() writes it with the metadata of the archive.
    std::vector<ObjectMeta> metas_of(const Job& job, const FileGroup& group) const {
        if (!job.is_by_table()) {
            oci::TarEntry plain;
            plain.mode = 0600;
            return {object_meta(plain, writer_.mode())};
        }
        const std::size_t most = group.size > FileStream::kPiece ? kMaxStreams : kMaxMetas;
        std::vector<ObjectMeta> out;
        for (const oci::TocEntry* const file : group.files) {
            ObjectMeta meta = object_meta(file->tar, writer_.mode());
            if (std::find(out.begin(), out.end(), meta) == out.end()) out.push_back(std::move(meta));
            if (out.size() == most) break;  // finish_file() writes the others
        }
        return out;
    }

    void store_fetched(Job& job, std::size_t index, Source& content, TaskPool& pool) {
        const FileGroup& group = job.plan.groups[index];
        std::vector<ObjectMeta> metas = metas_of(job, group);
        job.charge(group.size, metas.size(), blob_size(job));
        const std::vector<Sha256> objects =
            store_content(writer_, pool, content, group.size, group.digest, metas);
        for (std::size_t i = 0; i < metas.size(); ++i) job.add_object(index, std::move(metas[i]), objects[i]);
    }

    // Reads the metadata of the objects that have a known content.
    void find_known(Job& job, std::size_t index) {
        const FileGroup& group = job.plan.groups[index];
        if (group.is_missing) return;
        for (const KnownContent& content : fetch_.index_->find(group.digest, group.size)) {
            ContentObject object = read_object_header(fetch_.repository_, content.object);
            if (object.size != group.size) continue;
            job.add_object(index,
                           {.uid = object.uid,
                            .gid = object.gid,
                            .mode = object.mode,
                            .xattrs = std::move(object.xattrs)},
                           content.object);
        }
    }

    void build_layer(Job& job) {
        const oci::Descriptor& blob = fetch_.image_.manifest.layers[job.index];
        const oci::Digest& diff_id = fetch_.image_.config.diff_ids[job.index];
        if (!job.proof) {
            job.built = build_from_table(*job.table, job.plan, blob, diff_id, writer_, job.budget);
            return;
        }
        const auto open = [&](std::size_t group) { return writer_.open_content(job.objects->first(group)); };
        job.built =
            build_from_archive(*job.table, job.plan, blob, diff_id, job.tar_split, open, writer_, job.budget);
    }

    // Names the object of a file, which is written if only its content is there.
    void finish_file(Job& job, PendingFile& file, TaskPool& pool) {
        if (const auto known = job.objects->find(file.group, file.meta)) {
            file.entry->checksum = *known;
            return;
        }
        const FileGroup& group = job.plan.groups[file.group];
        with_context(
            [&] { return concat("entry ", quoted(file.entry->path)); },
            [&] {
                const auto content = writer_.open_content(job.objects->first(file.group));
                if (content == nullptr) throw Error(ErrorKind::invalid, "a content that is a link");
                job.charge(group.size, 1, blob_size(job));
                file.entry->checksum =
                    store_content(writer_, pool, *content, group.size, group.digest, {file.meta}).front();
                job.add_object(file.group, file.meta, file.entry->checksum);
            });
    }

    // Runs `work`. An error of the layer's data, or of an object that is damaged or was removed, only ends
    // the fetch of this layer by files.
    template<typename Work>
    void guarded(Job& job, const Work& work) {
        try {
            work();
        } catch (const Error& error) {
            if (!is_fault_of_layer(error) && error.kind() != ErrorKind::not_found) throw;
            failed_.add(job.index, error);
        }
    }

    void drop_failed() {
        const std::set<std::size_t> failed = failed_.take();
        for (const auto& job : fetch_.jobs_) {
            if (!failed.contains(job->index)) continue;
            job->table = nullptr;
            job->built = {};
        }
    }

    FileFetch& fetch_;
    ObjectWriter& writer_;
    FailedLayers failed_;
};

FileFetch::FileFetch(const Repository& repository, const oci::Image& image,
                     const std::vector<std::size_t>& unread, ImageTables& tables, FetchWay way,
                     unsigned threads)
    : repository_(repository), image_(image), threads_(threads), budget_(image.limits) {
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
        const auto job = std::make_shared<Job>(index, budget_);
        jobs_.push_back(job);
        pool.add_producer([job, &tables] {
            job->table = tables.find_files(job->index);
            if (job->table == nullptr) return;
            job->proof = find_proof(*job->table);
            if (!job->proof && !job->table->is_in_manifest) job->table = nullptr;
        });
    }
    pool.run();
}

void FileFetch::plan(FetchWay way) {
    std::vector<std::shared_ptr<const FileTable>> tables;
    for (const auto& job : jobs_) {
        if (job->table != nullptr) tables.push_back(job->table);
    }
    index_.emplace(repository_, tables);
    const std::uint64_t gap = max_gap(image_.source->traffic(), fetch_threads(threads_));
    for (const auto& job : jobs_) {
        if (job->table == nullptr) continue;
        try {
            const auto is_known = [this](const Sha256& digest, std::uint64_t size) {
                return !index_->find(digest, size).empty();
            };
            job->plan = plan_files(job->table->toc, is_known, gap);
        } catch (const Error& error) {
            log_debug(concat(describe_layer(image_, job->index), ": ", error.message()));
            job->table = nullptr;
            continue;
        }
        job->objects = std::make_unique<ContentObjects>(job->plan.groups.size());
        const std::uint64_t whole = image_.manifest.layers[job->index].size;
        if (way == FetchWay::automatic && job->bytes_left() > whole / 100 * kWholeLayerPercent)
            job->table = nullptr;
    }
}

void FileFetch::keep_within_limits() {
    ImageBudget planned(image_.limits);  // contents are charged again when they are written
    for (const auto& job : jobs_) {
        if (job->table == nullptr) continue;
        constexpr std::size_t kOfGroup = sizeof(FileGroup) + sizeof(std::optional<Sha256>);
        const std::size_t memory = job->plan.groups.size() * kOfGroup +
                                   job->table->toc.entries.size() * sizeof(void*) +
                                   static_cast<std::size_t>(job->proof ? job->proof->size : 0);
        try {
            LayerMeter(planned).unpacked(job->plan.unpacked, image_.manifest.layers[job->index].size);
            planned.keep(memory + job->table->toc.entries.size() * sizeof(PendingFile));
            budget_.keep(memory);
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

std::uint64_t FileFetch::content_bytes() const noexcept {
    std::uint64_t out = 0;
    for (const auto& job : jobs_) out += job->content_left();
    return out;
}

std::uint64_t FileFetch::requests() const noexcept {
    std::uint64_t out = 0;
    for (const auto& job : jobs_) {
        if (job->table != nullptr) out += job->plan.ranges.size() + (job->proof ? 1 : 0);
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
    if (content_bytes() == 0) return;
    progress.begin("fetching files", std::min(limit, content_bytes()));
    Run(*this, writer).fetch_ranges(progress, limit);
}

void FileFetch::build(ObjectWriter& writer, Progress& progress) {
    Run run(*this, writer);
    run.fetch_proofs(progress);
    run.build();
}

std::shared_ptr<const Layer> FileFetch::layer(std::size_t index) const {
    const Job* const job = find(index);
    return job == nullptr ? nullptr : job->layer;
}

std::vector<std::shared_ptr<const Layer>> FileFetch::partial_layers(const ObjectWriter& writer) const {
    std::vector<std::shared_ptr<const Layer>> out;
    for (const auto& job : jobs_) {
        if (job->table == nullptr) continue;
        const oci::Digest& diff_id = image_.config.diff_ids[job->index];
        const auto layer = std::make_shared<Layer>(diff_id);
        layer->is_partial = true;
        layer->table = table_key(kPartialTable, image_.manifest.layers[job->index].digest,
                                 job->table->location.toc_digest, diff_id);
        for (std::size_t i = 0; i < job->plan.groups.size(); ++i) {
            const FileGroup& group = job->plan.groups[i];
            // Some may be known from an earlier part only, whose ref this one replaces.
            const auto known = index_->find(group.digest, group.size);
            std::optional<Sha256> object;
            if (job->objects->has(i)) {
                object = job->objects->first(i);
            } else if (!known.empty()) {
                object = known.front().object;
            }
            if (object && writer.holds_file(*object)) add_content(*layer, group, *object);
        }
        if (!layer->digests().empty()) out.push_back(layer);
    }
    return out;
}

}  // namespace osb::ostree
