/* A GigE Vision camera on aravis' own fake one that shows a part of a picture:
 *
 *   gvSlide PICTURE.ppm ADDRESS SERIAL
 *
 * serves the binary PPM; "X Y" on standard input moves the field of view to that pixel of it. The picture repeats beyond its edges.
 * Exposure scales brightness, 10,000 us being that of the picture. Says "ready" when it can be spoken to; ends with its input. */
#include <arv.h>
#include <stdio.h>
#include <stdlib.h>

struct slide {
  ArvFakeCamera *camera;
  unsigned char *pixels;
  int width, height;
  volatile gint left, top;
};

static guint32 setting (const struct slide *slide, guint32 address) {
  guint32 value = 0;
  arv_fake_camera_read_register (slide->camera, address, &value);
  return value;
}

static int wrapped (int value, int size) { return ((value % size) + size) % size; }

/* Which of red, green, blue a sensor has at a place; the format names the first two of the first row. */
static int bayer_colour (ArvPixelFormat format, int x, int y) {
  int red_x = format == ARV_PIXEL_FORMAT_BAYER_GR_8 || format == ARV_PIXEL_FORMAT_BAYER_BG_8;
  int red_y = format == ARV_PIXEL_FORMAT_BAYER_GB_8 || format == ARV_PIXEL_FORMAT_BAYER_BG_8;
  int on_red_column = (x & 1) == red_x, on_red_row = (y & 1) == red_y;
  return on_red_column == on_red_row ? (on_red_row ? 0 : 2) : 1;
}

static void show (ArvBuffer *buffer, void *data, guint32 exposure_us, guint32 gain, ArvPixelFormat format) {
  const struct slide *slide = data;
  size_t size = 0;
  unsigned char *out = (unsigned char *) arv_buffer_get_data (buffer, &size);
  /* The buffer does not tell its region before it is complete: the registers do. */
  size_t room = arv_fake_camera_get_payload (slide->camera);
  int width = setting (slide, ARV_FAKE_CAMERA_REGISTER_WIDTH), height = setting (slide, ARV_FAKE_CAMERA_REGISTER_HEIGHT);
  int left = slide->left + (int) setting (slide, ARV_FAKE_CAMERA_REGISTER_X_OFFSET);
  int top = slide->top + (int) setting (slide, ARV_FAKE_CAMERA_REGISTER_Y_OFFSET);
  int channels = format == ARV_PIXEL_FORMAT_RGB_8_PACKED ? 3 : 1;
  (void) gain;
  if ((size_t) width * height * channels > room) return;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      const unsigned char *from =
          slide->pixels + 3 * ((size_t) wrapped (top + y, slide->height) * slide->width + wrapped (left + x, slide->width));
      unsigned char colours[3];
      for (int c = 0; c < 3; c++) {
        guint64 value = (guint64) from[c] * exposure_us / 10000;
        colours[c] = value > 255 ? 255 : value;
      }
      size_t at = ((size_t) y * width + x) * channels;
      if (channels == 3)
        for (int c = 0; c < 3; c++) out[at + c] = colours[c];
      else if (format == ARV_PIXEL_FORMAT_MONO_8)
        out[at] = (colours[0] + 2 * colours[1] + colours[2]) / 4;
      else
        out[at] = colours[bayer_colour (format, x, y)];
    }
}

static int load (struct slide *slide, const char *path) {
  FILE *file = fopen (path, "rb");
  int depth = 0;
  if (file == NULL) return 0;
  if (fscanf (file, "P6 %d %d %d", &slide->width, &slide->height, &depth) != 3 || depth != 255) return 0;
  fgetc (file);
  size_t size = 3 * (size_t) slide->width * slide->height;
  slide->pixels = malloc (size);
  int whole = slide->pixels != NULL && fread (slide->pixels, 1, size, file) == size;
  fclose (file);
  return whole;
}

int main (int count, char **words) {
  struct slide slide = {0};
  if (count != 4 || !load (&slide, words[1])) {
    fprintf (stderr, "usage: gvSlide PICTURE.ppm ADDRESS SERIAL\n");
    return 64;
  }
  ArvGvFakeCamera *server = arv_gv_fake_camera_new (words[2], words[3]);
  if (!arv_gv_fake_camera_is_running (server)) return 69;
  slide.camera = arv_gv_fake_camera_get_fake_camera (server);
  arv_fake_camera_set_fill_pattern (slide.camera, show, &slide);
  printf ("ready\n");
  fflush (stdout);
  char line[64];
  int x, y;
  while (fgets (line, sizeof line, stdin) != NULL)
    if (sscanf (line, "%d %d", &x, &y) == 2) {
      slide.left = x;
      slide.top = y;
      printf ("at %d %d\n", x, y);
      fflush (stdout);
    }
  g_object_unref (server);
  free (slide.pixels);
  return 0;
}
