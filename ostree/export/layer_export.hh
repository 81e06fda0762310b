// The layers of an image, made from a commit's objects and written to where the image goes.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/progress.hh"
#include "base/task_pool.hh"
#include "oci/chunked/layer_writer.hh"
#include "oci/transports/image_sink.hh"
#include "ostree/export/export.hh"
#include "ostree/export/layer_plan.hh"
#include "ostree/export/layer_record.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// All arguments are borrowed.
class LayerExport {
  public:
    LayerExport(const Repository& repository, const CommitWalk& walk, const std::vector<PlannedLayer>& plan,
                oci::ImageSink& sink, const ExportOptions& options, Progress& progress);

    // The first layer, which holds what belongs to no file, and one for each of the plan; on as many threads
    // as the options say. A layer that the target has already is not sent, and one that this repository knows
    // from an earlier run (ostree/export/layer_record.hh) not even made. Throws Error.
    std::vector<oci::WrittenLayer> write_all();

  private:
    oci::WrittenLayer write_layer(std::size_t index, TaskPool& pool) const;
    // Nothing when the previous image's blob is not the layer.
    std::optional<oci::WrittenLayer> take_over(const PlannedLayer& layer) const;
    bool is_there(const oci::WrittenLayer& layer) const;
    oci::WrittenLayer upload_layer(std::size_t index, TaskPool& pool) const;
    oci::WrittenLayer make_layer(std::size_t index, Sink& target, TaskPool& pool) const;
    void write_encapsulated(std::size_t index, oci::TarWriter& tar) const;
    void write_plain(std::size_t index, oci::TarWriter& tar) const;
    Sha256 recipe(std::size_t index) const;

    const Repository& repository_;
    const CommitWalk& walk_;
    const std::vector<PlannedLayer>& plan_;
    oci::ImageSink& sink_;
    const ExportOptions& options_;
    Progress& progress_;
    LayerRecord record_;
    bool first_;  // nothing is remembered: what the target has is not known
};

}  // namespace osb::ostree
