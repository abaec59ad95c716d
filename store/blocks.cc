// The blocks of Store, which are kept in `meta`.

#include <utility>

#include "pdp/base/status_macros.h"
#include "pdp/base/strings.h"
#include "rocksdb/write_batch.h"
#include "store/history.h"
#include "store/impl.h"
#include "store/keys.h"
#include "store/store.h"

namespace pdp::store {

absl::StatusOr<uint64_t> Store::ApplyBlocks(
    std::span<const Block> put, std::span<const fhir::ResourceKey> erased) {
  MutexLock lock(impl_->apply_mutex);
  rocksdb::ColumnFamilyHandle* const meta =
      impl_->rocks->family(ColumnFamily::kMeta);
  rocksdb::WriteBatch batch;
  Applied applied;
  applied.revision = revision() + 1;
  // An entry of history that is empty: the target is blocked no more.
  const auto put_history = [&](const fhir::ResourceKey& target,
                               std::string_view encoded) {
    return PutBlockHistory(*impl_->rocks, applied.revision, target, encoded,
                           batch);
  };
  for (const Block& block : put) {
    PDP_RETURN_IF_ERROR(CheckKey(block.target));
    const std::string encoded = EncodeBlock(block);
    PDP_RETURN_IF_ERROR(
        FromRocks(batch.Put(meta, BlockKey(block.target), encoded)));
    PDP_RETURN_IF_ERROR(put_history(block.target, encoded));
  }
  for (const fhir::ResourceKey& target : erased) {
    PDP_RETURN_IF_ERROR(CheckKey(target));
    PDP_RETURN_IF_ERROR(FromRocks(batch.Delete(meta, BlockKey(target))));
    PDP_RETURN_IF_ERROR(put_history(target, ""));
  }
  PDP_RETURN_IF_ERROR(
      impl_->Commit(batch, applied, put.size() + erased.size()));
  return applied.revision;
}

absl::StatusOr<std::vector<Block>> Store::Blocks() const {
  std::vector<Block> blocks;
  PDP_RETURN_IF_ERROR(impl_->Counted(ForEachWithPrefix(
      *impl_->rocks, ColumnFamily::kMeta, kBlockPrefix, /*snapshot=*/nullptr,
      [&](std::string_view key,
          std::string_view value) -> absl::StatusOr<bool> {
        std::optional<fhir::ResourceKey> target =
            ParseResourcesKey(key.substr(kBlockPrefix.size()));
        if (!target) {
          return absl::DataLossError(
              "the store is damaged: a malformed key of a block");
        }
        PDP_ASSIGN_OR_RETURN(Block block,
                             DecodeBlock(*std::move(target), value));
        blocks.push_back(std::move(block));
        return true;
      })));
  return blocks;
}

}  // namespace pdp::store
