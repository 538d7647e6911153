/* board.c - QEMU mps2-an385: ready at reset. */
#include "ec_board.h"

void ec_board_init(void) {}
