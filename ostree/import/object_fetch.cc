#include "ostree/import/object_fetch.hh"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/failed_layers.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/import/range_reader.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/object_lookup.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {

// The fetch of one layer.
struct ObjectFetch::Job {
    std::size_t index = 0;
    std::shared_ptr<const LayerObjects> objects;  // nullptr: the layer is to be read whole
    LayerPlan plan;
    bool begun = false;    // attributes and objects without content are done
    std::size_t next = 0;  // in plan.content
    std::map<const oci::TocEntry*, std::string> xattrs;

    std::uint64_t bytes_left() const {
        if (objects == nullptr) return 0;
        return (begun ? 0 : bytes_of(plan.xattrs)) + bytes_of(plan.content, next);
    }
};

namespace {

ObjectType type_of(const std::string& suffix) {
    if (suffix == "dirtree") return ObjectType::dirtree;
    if (suffix == "dirmeta") return ObjectType::dirmeta;
    return ObjectType::file;
}

bool lacks(const ObjectLookup& lookup, const LayerObject& object) {
    // The commit is part of the result, and its detached metadata may have changed.
    if (object.name.suffix == "commit" || object.name.suffix == "commitmeta") return true;
    return !lookup.has(parse_sha256(object.name.checksum), type_of(object.name.suffix));
}

// For an object whose name is not its own checksum. The table, which is verified, has that.
void check_small_file(const oci::TocEntry& entry, std::string_view bytes) {
    if (entry.digest ? sha256(as_bytes(bytes)) != *entry.digest : !bytes.empty())
        throw Error(ErrorKind::digest_mismatch, "does not have the checksum of the table of contents");
}

// One range costs no more than the blob, which has its tables as well.
bool is_better_whole(const LayerPlan& plan, const oci::Descriptor& layer) {
    return plan.bytes > layer.size / 100 * kWholeLayerPercent && plan.requests() > 1;
}

FileMeta meta_of(const LayerObject& object, std::string_view xattrs) {
    const oci::TarEntry& tar = object.entry->tar;
    const bool is_link = tar.type == oci::TarType::symlink;
    return {
        .uid = tar.uid, .gid = tar.gid, .mode = (is_link ? S_IFLNK : S_IFREG) | tar.mode, .xattrs = xattrs};
}

}  // namespace

// One run over the ranges of several layers.
class ObjectFetch::Run {
  public:
    Run(ObjectFetch& fetch, ObjectWriter& writer, Progress& progress)
        : fetch_(fetch), writer_(writer), progress_(progress), failed_(fetch.image_) {}

    void run(std::uint64_t limit) {
        begin_jobs();
        TaskPool pool(fetch_threads(fetch_.threads_));
        std::uint64_t bytes = 0;
        for (const auto& job : fetch_.jobs_) {
            if (job->objects == nullptr) continue;
            for (; job->next < job->plan.content.size() && bytes < limit; ++job->next) {
                const BlobRange& range = job->plan.content[job->next];
                bytes += range.end - range.begin;
                pool.add_producer([this, job, &range, &pool] {
                    guarded(*job, [&] {
                        read_range(*job, range, [&](const BlobPart& part, Source& content) {
                            store(*job, job->objects->objects[part.object], content, pool);
                        });
                    });
                });
            }
        }
        pool.run();
        drop_failed();
        fetch_.bytes_fetched_ += bytes;
    }

  private:
    // Fetches attributes, and writes the objects without content.
    void begin_jobs() {
        TaskPool pool(fetch_threads(fetch_.threads_));
        for (const auto& job : fetch_.jobs_) {
            if (job->objects == nullptr || std::exchange(job->begun, true)) continue;
            pool.add_producer([this, job, &pool] { guarded(*job, [&] { begin(*job, pool); }); });
        }
        pool.run();
        drop_failed();
    }

    void begin(Job& job, TaskPool& pool) {
        for (const BlobRange& range : job.plan.xattrs) {
            read_range(job, range, [&job](const BlobPart& part, Source& content) {
                job.xattrs[part.entry] = checked_xattrs(read_small(content, part.entry->tar.size));
            });
            fetch_bytes(range);
        }
        MemorySource nothing({});
        for (const std::size_t i : job.plan.wanted) {
            const LayerObject& object = job.objects->objects[i];
            if (object.entry->chunks.empty()) store(job, object, nothing, pool);
        }
    }

    void fetch_bytes(const BlobRange& range) {
        const std::lock_guard guard(mutex_);
        fetch_.bytes_fetched_ += range.end - range.begin;
    }

    void read_range(const Job& job, const BlobRange& range, const TakePart& take) {
        read_blob_range(
            fetch_.image_, job.index, range, progress_, [&](const BlobPart& part, Source& content) {
                with_context(
                    [&] { return concat("object ", job.objects->objects[part.object].name.checksum); },
                    [&] { take(part, content); });
            });
    }

    void store(const Job& job, const LayerObject& object, Source& content, TaskPool& pool) {
        const std::uint64_t size = object.entry->tar.size;
        if (object.name.suffix == "file") return store_file(job, object, content, pool);
        const std::string bytes = read_small(content, size);
        if (object.name.suffix == "dirtree" || object.name.suffix == "dirmeta")
            return store_directory_object(writer_, object.name, bytes);
        // Only the first layer has these two, once each.
        const std::lock_guard guard(mutex_);
        if (object.name.suffix == "commitmeta") {
            check_small_file(*object.entry, bytes);
            detached_of_ = object.name.checksum;
            fetch_.commit_.detached = bytes;
            return;
        }
        if (fetch_.commit_.commit) throw Error(ErrorKind::invalid, "a second commit");
        fetch_.commit_.commit = check_commit_object(object.name, bytes);
        fetch_.commit_.commit_object = bytes;
    }

    void store_file(const Job& job, const LayerObject& object, Source& content, TaskPool& pool) {
        const auto xattrs = job.xattrs.find(object.xattrs);
        const FileMeta meta =
            meta_of(object, xattrs == job.xattrs.end() ? std::string_view{} : xattrs->second);
        const Sha256 expected = parse_sha256(object.name.checksum);
        const std::uint64_t size = object.entry->tar.size;
        if (S_ISLNK(meta.mode)) {
            check_link_target(object.entry->tar.link_target);
            return writer_.write_expected_file(expected, meta, object.entry->tar.link_target, {});
        }
        if (size <= FileStream::kPiece)
            return writer_.write_expected_file(expected, meta, {}, as_bytes(read_small(content, size)));
        FileStream stream(writer_, pool, meta, size);
        stream.fill(content);
        expect_end(content);
        stream.finish_expected(expected);
    }

    // Runs `work`. An error of the layer's data only ends the fetch of this layer by objects.
    template<typename Work>
    void guarded(Job& job, const Work& work) {
        try {
            work();
        } catch (const Error& error) {
            if (!is_fault_of_layer(error)) throw;
            failed_.add(job.index, error);
        }
    }

    void drop_failed() {
        if (detached_of_ && fetch_.commit_.commit && *fetch_.commit_.commit != *detached_of_)
            failed_.add(0, Error(ErrorKind::invalid, "metadata of another commit"));
        const std::set<std::size_t> failed = failed_.take();
        for (const auto& job : fetch_.jobs_) {
            if (!failed.contains(job->index)) continue;
            job->objects = nullptr;
            if (job->index == 0) fetch_.commit_ = {};
        }
    }

    ObjectFetch& fetch_;
    ObjectWriter& writer_;
    Progress& progress_;
    FailedLayers failed_;
    std::mutex mutex_;  // protects all below, and the commit and the counter of fetch_
    std::optional<std::string> detached_of_;
};

void check_fetch_way(const oci::Image& image, FetchWay way) {
    if (way == FetchWay::delta && !promised_whole_commit(image)) {
        throw Error(ErrorKind::usage, "--fetch delta: the image is not only an ostree commit")
            .hint("use --fetch auto");
    }
}

void throw_no_table() {
    throw Error(ErrorKind::usage, "--fetch objects: a layer of the image has no readable table of contents")
        .hint("use --fetch layers, or make the image with the compression zstd:chunked");
}

bool is_fault_of_layer(const Error& error) noexcept {
    return error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::digest_mismatch ||
           error.kind() == ErrorKind::unsupported || error.kind() == ErrorKind::too_large;
}

Evidence evidence_for(FetchWay way) noexcept {
    return way == FetchWay::layers ? Evidence::archives : Evidence::tables;
}

ObjectFetch::ObjectFetch(const Repository& repository, const oci::Image& image,
                         const std::vector<std::size_t>& unread, ImageTables& tables, FetchWay way,
                         unsigned threads)
    : image_(image), threads_(threads) {
    // An empty repository has no objects, so tables of contents would be read in vain.
    const bool in_vain = way == FetchWay::automatic && repository.refs("").empty();
    if (way == FetchWay::layers || in_vain) return;
    const ObjectLookup lookup(repository);
    TaskPool pool(fetch_threads(threads));
    for (const std::size_t index : unread) {
        const auto job = std::make_shared<Job>();
        job->index = index;
        jobs_.push_back(job);
        pool.add_producer([&, job] {
            job->objects = tables.find(job->index);
            if (job->objects == nullptr) return;
            try {
                const std::uint64_t gap = max_gap(image.source->traffic(), fetch_threads(threads));
                job->plan = plan_layer(
                    *job->objects, [&](const LayerObject& object) { return lacks(lookup, object); }, gap);
            } catch (const Error& error) {
                log_debug(concat(describe_layer(image, job->index), ": ", error.message()));
                job->objects = nullptr;
                return;
            }
            if (way == FetchWay::automatic && is_better_whole(job->plan, image.manifest.layers[job->index]))
                job->objects = nullptr;
        });
    }
    pool.run();
    keep_within_limits();
    const auto is_whole = [](const std::shared_ptr<Job>& job) { return job->objects == nullptr; };
    if (way == FetchWay::objects && std::any_of(jobs_.begin(), jobs_.end(), is_whole)) throw_no_table();
}

void ObjectFetch::keep_within_limits() {
    ImageBudget budget(image_.limits);
    for (const auto& job : jobs_) {
        if (job->objects == nullptr) continue;
        try {
            LayerMeter(budget).unpacked(job->plan.unpacked, image_.manifest.layers[job->index].size);
            budget.keep(job->plan.attributes);
        } catch (const Error& error) {
            log_debug(concat(describe_layer(image_, job->index), ": ", error.message()));
            job->objects = nullptr;
        }
    }
}

std::uint64_t ObjectFetch::bytes() const noexcept {
    std::uint64_t out = 0;
    for (const auto& job : jobs_) out += job->bytes_left();
    return out;
}

std::uint64_t ObjectFetch::requests() const noexcept {
    std::uint64_t out = 0;
    for (const auto& job : jobs_) {
        if (job->objects != nullptr) out += job->plan.requests();
    }
    return out;
}

const ObjectFetch::Job* ObjectFetch::find(std::size_t index) const {
    for (const auto& job : jobs_) {
        if (job->index == index && job->objects != nullptr) return job.get();
    }
    return nullptr;
}

bool ObjectFetch::covers(std::size_t index) const {
    return find(index) != nullptr;
}

void ObjectFetch::run(ObjectWriter& writer, Progress& progress, std::uint64_t limit) {
    if (std::none_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return job->objects != nullptr; }))
        return;
    progress.begin("fetching objects", std::min(limit, bytes()));
    Run(*this, writer, progress).run(limit);
}

std::shared_ptr<const Layer> ObjectFetch::layer(std::size_t index) const {
    const Job* const job = find(index);
    if (job == nullptr) return nullptr;
    const LayerKind kind = index == 0 ? LayerKind::commit : LayerKind::objects;
    auto out =
        make_object_layer(*job->objects, image_.manifest.layers[index], image_.config.diff_ids[index], kind);
    if (index > 0) return out;
    out->commit = commit_.commit;
    out->image_layers = layer_names(image_.manifest, image_.config.diff_ids, encapsulated_layers(image_));
    return out;
}

}  // namespace osb::ostree
