// Tile sizes and the like: everything about a kernel that its mathematics leaves open.
#ifndef JVPGEN_SCHEDULE_SCHEDULE_H
#define JVPGEN_SCHEDULE_SCHEDULE_H

#include <string>

namespace jvpgen {

/// One record from template to SQL column.
struct Schedule {
  int tile_m = 64; ///< query rows of a tile
  int tile_n = 64; ///< key rows of a tile
  int warps = 4;
  int stages = 2;  ///< slots of the ring of streamed tiles
  bool operator==(const Schedule &) const = default;
};

/// What a kernel needs of the machine, as functions of the tile sizes; the units are 32-bit registers per thread and bytes.
struct ResourceModel {
  int own_features = 0;        ///< sum of feature lengths of resident operands (elements per owned row)
  int streamed_features = 0;   ///< sum of feature lengths of streamed operands (elements per streamed row)
  int score_tiles = 0;         ///< float32 score accumulators alive at once
  int packed_tiles = 0;        ///< 16-bit tiles alive as operands
  int output_features = 0;     ///< sum of feature lengths of output accumulators
  int element_bytes = 2;       ///< of an operand in shared memory
  bool owns_queries = true;    ///< row sweep: tile_m is owned, tile_n streamed; column sweep: the other way round
};

} // namespace jvpgen

#endif
