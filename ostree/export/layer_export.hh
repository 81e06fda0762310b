// Creates the layers of an image from the objects of a commit and writes them to the destination.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "base/progress.hh"
#include "base/task_pool.hh"
#include "oci/chunked/layer_writer.hh"
#include "oci/transports/image_sink.hh"
#include "ostree/export/export.hh"
#include "ostree/export/layer_contents.hh"
#include "ostree/export/layer_plan.hh"
#include "ostree/export/layer_record.hh"
#include "ostree/export/previous_frames.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// Writes the layers of one image. All constructor arguments are borrowed.
class LayerExport {
  public:
    LayerExport(const Repository& repository, const CommitWalk& walk, const std::vector<PlannedLayer>& plan,
                oci::ImageSink& sink, const ExportOptions& options, Progress& progress);

    // Writes the first layer, which has everything except files, and one layer per element of the plan. The
    // options set the number of threads. A layer that the destination has is not sent. A layer that this
    // repository also knows from an earlier run (ostree/export/layer_record.hh) is not even generated. Throws
    // Error.
    std::vector<oci::WrittenLayer> write_all();

  private:
    oci::WrittenLayer write_layer(std::size_t index, TaskPool& pool) const;
    // Returns nullopt if the previous image's blob does not unpack to the layer, is damaged or missing.
    std::optional<oci::WrittenLayer> take_over(const PlannedLayer& layer) const;
    bool copy_layer(const KeptLayer& kept, bool is_present) const;
    bool is_there(const oci::WrittenLayer& layer) const;
    oci::WrittenLayer upload_layer(std::size_t index, TaskPool& pool) const;
    oci::WrittenLayer make_layer(std::size_t index, Sink& target, TaskPool& pool) const;
    template<typename Attempt>
    oci::WrittenLayer with_frames(const Attempt& attempt) const;
    void write_encapsulated(std::size_t index, oci::LayerWriter& writer) const;
    void write_plain(std::size_t index, oci::TarWriter& tar) const;
    Sha256 recipe(std::size_t index) const;

    const Repository& repository_;
    const CommitWalk& walk_;
    const std::vector<PlannedLayer>& plan_;
    oci::ImageSink& sink_;
    const ExportOptions& options_;
    Progress& progress_;
    LayerRecord record_;
    std::unique_ptr<PreviousFrames> frames_;  // null: nothing to take frames from
    ContentsRecord contents_;
    bool first_;  // the record is empty, so the content of the destination is unknown
};

}  // namespace osb::ostree
