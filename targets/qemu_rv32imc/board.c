/* board.c - QEMU virt: ready at reset. */
#include "ec_board.h"

void ec_board_init(void) {}
